// Syncing a ring or watch over this browser's own radio: choosing it, how far it is, and what became of it.

import { Radio } from './radio.js';
import { refresh } from './refresh.js';
import { NoConnection, SignedOut, readSession } from './session.js';
import { many, text } from './words.js';

const section = document.getElementById('wearables');
const state = document.getElementById('wearable-state');
const said = document.getElementById('wearable-said');
const bar = document.getElementById('wearable-bar');
const stop = document.getElementById('wearable-stop');
// Devices that were chosen since this page was opened, by name: they need not be chosen again.
const chosen = new Map();

const buttons = () => section.querySelectorAll('button.sync');

/** Let the person choose a device. name: which one; null for any of those that can be read here. */
async function choose(name) {
  if (chosen.has(name)) return chosen.get(name);
  const chooser = JSON.parse(section.dataset.chooser);
  const filters = name ? [{ name }] : chooser.prefixes.map(namePrefix => ({ namePrefix }));
  const device = await navigator.bluetooth.requestDevice({ filters, optionalServices: chooser.services });
  chosen.set(device.name, device);
  return device;
}

/** Hold one sync. Return what became of it, as the service tells; {end: 'gone'} if it cannot, 'refused' if it never began. */
function hold(device, hello, { onProgress, signal }) {
  return new Promise(done => {
    const socket = new WebSocket(new URL('/me/radio', location.href.replace(/^http/, 'ws')));
    const say = message => { if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message)); };
    const radio = new Radio(device, say);
    let told = { end: signal.aborted ? 'stopped' : 'refused' };
    signal.addEventListener('abort', () => { told = { end: 'stopped' }; socket.close(); });
    socket.addEventListener('open', () => {
      if (signal.aborted) return socket.close();
      told = { end: 'gone' };
      return say(hello);
    });
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data);
      if (message.end) told = message;
      else if (message.note === 'progress') onProgress(message);
      else radio.take(message);
    });
    socket.addEventListener('close', () => { radio.close(); done(told); });
  });
}

/** Keep the screen on: a phone that sleeps lets go of the device. */
async function stayAwake() {
  try {
    return await navigator.wakeLock.request('screen');
  } catch {
    return null; // it is a comfort only; some browsers have none, or allow it not now
  }
}

function tell(words) {
  state.textContent = words;
}

/** Say it to a screen reader as well. */
function announce(words) {
  tell(words);
  said.textContent = words;
}

function finish(words) {
  announce(words);
  bar.hidden = true;
  bar.removeAttribute('value');
  stop.hidden = true;
}

/** Let syncs begin again. Whoever has no mouse goes on where they were: at the button that began this one, or what came in its place. */
function reopen(wearable) {
  for (const button of buttons()) button.disabled = false;
  if (document.activeElement && document.activeElement !== document.body) return;
  [...buttons()].find(button => (button.dataset.wearable ?? null) === wearable)?.focus();
}

function tellEnd(told) {
  if (told.end !== 'done') return text(`radio_${told.end}`);
  const fresh = told.new ? many('file_minutes', told.new) : text('radio_nothing_new');
  const battery = told.battery === undefined ? '' : ` ${text('radio_battery', { percent: told.battery })}`;
  return `${text('radio_done')} ${fresh}${battery}`;
}

function why(error) {
  if (error instanceof SignedOut) return text('radio_signed_out');
  if (error instanceof NoConnection) return text('radio_gone');
  // A chooser that was left and an adapter that is missing have one name.
  if (error.name === 'NotFoundError') return text(/adapter/.test(error.message) ? 'radio_off' : 'radio_none_chosen');
  if (error.name === 'SecurityError' || error.name === 'NotAllowedError') return text('radio_not_allowed');
  return null;
}

async function attempt(wearable, name) {
  const stopper = new AbortController();
  tell(text('radio_choose'));
  // First: a browser shows its chooser only right after a touch.
  const device = await choose(name);
  const { csrf } = await readSession();
  announce(text('radio_connecting'));
  stop.hidden = false;
  stop.onclick = () => stopper.abort();
  const awake = await stayAwake();
  const onProgress = ({ done, of }) => {
    tell(text('radio_reading'));
    bar.hidden = false;
    if (of) Object.assign(bar, { max: of, value: done });
  };
  const told = await hold(device, { csrf, wearable, name: device.name ?? '' }, { onProgress, signal: stopper.signal });
  await awake?.release();
  if (told.end === 'refused') await readSession(); // it may be that nobody answers, or that one is signed out
  return tellEnd(told);
}

async function sync(wearable, name) {
  for (const button of buttons()) button.disabled = true;
  said.textContent = '';
  try {
    finish(await attempt(wearable, name));
    // Before the next may begin, for it brings buttons of its own.
    await refresh('today', 'wearable-list', 'results');
  } catch (error) {
    const words = why(error);
    finish(words ?? text('radio_fault'));
    if (words === null) throw error;
  } finally {
    reopen(wearable);
  }
}

export async function startWearables() {
  if (!navigator.bluetooth) return; // not in every browser, and in none without https
  section.classList.add('able');
  section.hidden = false;
  section.addEventListener('click', ({ target }) => {
    const button = target.closest('button.sync');
    if (button) sync(button.dataset.wearable || null, button.dataset.name || null);
  });
  if (navigator.bluetooth.getAvailability && !(await navigator.bluetooth.getAvailability())) tell(text('radio_off'));
}
