// The short questions: what was answered, the emergency text at once, and sending exactly once.

import { drop, keep, listWaiting, newId } from './queue.js';
import { NoConnection, SignedOut, ask, key, readSession } from './session.js';
import { many, text } from './words.js';

const form = document.getElementById('questions');
const state = document.getElementById('answer-state');
const waiting = document.getElementById('waiting-state');
const panel = document.getElementById('emergency');
const alarm = document.getElementById('emergency-said');
const flagState = document.getElementById('flag-state');
const flags = [...form.querySelectorAll('.flag')];
const noFlag = form.querySelector('.noflag');
// Those that were sent, or are kept to be sent, stay ticked, with what to do beside them; they are not sent again.
const given = new Set();

const whole = value => (value === '' || value === undefined ? null : Number(value));

function flagEntries() {
  if (noFlag.checked) return flags.map(flag => ({ code: flag.name, value: 0 }));
  return flags.filter(flag => flag.checked && !given.has(flag.name)).map(flag => ({ code: flag.name, value: 1 }));
}

function exerciseEntries() {
  const found = [];
  for (const block of form.querySelectorAll('.exercise')) {
    const field = name => block.querySelector(`[name="${name}"]`).value.trim();
    if (!field('exercise_kind') && !field('exercise')) continue;
    const detail = { kind: field('exercise_kind') };
    for (const name of ['repetitions', 'difficulty', 'pain']) {
      const value = whole(field(`exercise_${name}`));
      if (value !== null) detail[name] = value;
    }
    found.push({ code: 'exercise', value: whole(field('exercise')), detail });
  }
  return found;
}

/** Return what was answered, and only that. */
function collect() {
  const entries = flagEntries();
  for (const question of form.querySelectorAll('[data-code]')) {
    const code = question.dataset.code;
    const chosen = question.querySelector(`input[name="${code}"]:checked`);
    if (!chosen) continue;
    const entry = { code, value: Number(chosen.value) };
    const amount = question.querySelector(`[name="${code}_amount"]`);
    if (amount && amount.value && entry.value) entry.detail = { amount: whole(amount.value) };
    entries.push(entry);
  }
  entries.push(...exerciseEntries());
  const note = form.elements.note.value.trim();
  if (note) entries.push({ code: 'note', detail: { text: note } });
  return entries;
}

function showEmergency() {
  const ticked = flags.some(flag => flag.checked);
  // The panel itself is shown by the style sheet, so that it needs no script; a screen reader is told here.
  alarm.textContent = ticked ? `${text('emergency_title')}. ${text('emergency')}` : '';
  if (ticked) panel.scrollIntoView({ block: 'nearest' });
}

const isFlagged = set => set.entries.some(entry => entry.value === 1 && flags.some(flag => flag.name === entry.code));

/** Keep answers on this phone, then send what waits. */
async function submit(entries) {
  if (!entries.length) {
    state.textContent = text('send_nothing');
    return;
  }
  if (!key) {
    state.textContent = text('offline_nobody');
    return;
  }
  const set = { id: newId(), key, at: Date.now(), entries };
  await keep(set);
  await flush(set);
}

/** Send what waits, one tab at a time. latest: the set that was just entered; none: only what waited before. */
export function flush(latest = null) {
  const work = () => sendAll(latest);
  return navigator.locks ? navigator.locks.request('afoot-answers', work) : work();
}

async function sendAll(latest) {
  let sent = 0;
  try {
    const sets = key ? await listWaiting(key) : [];
    const session = sets.length ? await readSession() : null;
    // Another person may have signed in on this phone: their page sends nobody else's answers.
    for (const set of session && session.key === key ? sets : []) {
      const told = await sendOne(set, session);
      await drop(set.id);
      if (told.refused) sayRefused(set, told.refused);
      else if (latest && set.id === latest.id) sayTaken(set, told);
      else {
        sent += 1;
        if (isFlagged(set)) state.textContent = text(told.told ? 'send_told' : 'send_not_told');
      }
    }
  } catch (error) {
    if (!(error instanceof NoConnection || error instanceof SignedOut)) throw error;
    if (latest) sayKept(latest, error);
  }
  await sayWaiting(sent);
}

// What the service will never take, however often it comes; anything else is worth another try.
const NEVER = [400, 413, 422];

async function sendOne(set, session) {
  // By the service's clock: a phone whose clock is ahead must not send answers of a time to come.
  const at = new Date(session.now_ms - Math.max(0, Date.now() - set.at));
  const answer = await ask(`/api/v1/patients/${key}/observations`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': session.csrf, 'Idempotency-Key': set.id },
    body: JSON.stringify({ at: at.toISOString(), entries: set.entries }),
  });
  if (answer.ok) return answer.json();
  if (!NEVER.includes(answer.status)) throw new NoConnection();
  return { refused: (await answer.json()).detail };
}

function sayRefused(set, why) {
  const flagged = isFlagged(set) ? ` ${text('send_not_told')}` : '';
  say(set, text('send_refused', { why }) + flagged);
}

function sayTaken(set, told) {
  clearAll(set);
  const flagged = isFlagged(set) ? ` ${text(told.told ? 'send_told' : 'send_not_told')}` : '';
  say(set, text('send_done') + flagged);
}

function sayKept(set, error) {
  clearAll(set);
  if (!isFlagged(set)) say(set, text(error instanceof SignedOut ? 'send_signed_out' : 'send_kept'));
  else say(set, text('send_kept_flag') + (error instanceof SignedOut ? ` ${text('send_signed_out')}` : ''));
}

/** Say what became of answers; of a warning sign where the sign is, and what to do: nothing matters more. */
function say(set, words) {
  const flagged = isFlagged(set);
  state.textContent = flagged ? '' : words;
  flagState.textContent = flagged ? words : '';
  if (flagged) panel.scrollIntoView({ block: 'nearest' });
}

/** Clear what was sent, but for warning signs: these stay until the person takes them away. */
function clearAll(set) {
  const ticked = flags.filter(flag => flag.checked);
  for (const flag of ticked) if (set.entries.some(entry => entry.code === flag.name)) given.add(flag.name);
  if (set.entries.every(entry => flags.some(flag => flag.name === entry.code))) return; // what else is entered is yet to be sent
  form.reset();
  for (const flag of ticked) flag.checked = true;
  showEmergency();
}

async function sayWaiting(sent) {
  const left = key ? (await listWaiting(key)).length : 0;
  const said = [];
  if (sent) said.push(many('send_later', sent));
  if (left) said.push(many('send_waiting', left));
  waiting.textContent = said.join(' ');
}

function addClearButtons() {
  for (const button of form.querySelectorAll('.clear')) {
    const inputs = [...button.parentElement.querySelectorAll('input[type="radio"]')];
    const show = () => { button.hidden = !inputs.some(input => input.checked); };
    for (const input of inputs) input.addEventListener('change', show);
    form.addEventListener('reset', () => setTimeout(show));
    button.addEventListener('click', () => {
      for (const input of inputs) input.checked = false;
      show();
      inputs[0].focus();
    });
  }
}

export function startQuestions() {
  for (const flag of flags) {
    flag.addEventListener('change', () => {
      given.delete(flag.name);
      flagState.textContent = '';
      if (flag.checked) noFlag.checked = false;
      showEmergency();
    });
  }
  noFlag.addEventListener('change', () => {
    if (noFlag.checked) for (const flag of flags) flag.checked = false;
    given.clear();
    flagState.textContent = '';
    showEmergency();
  });
  addClearButtons();
  document.getElementById('more-exercise').addEventListener('click', () => {
    const made = document.getElementById('exercise-form').content.cloneNode(true);
    const first = made.querySelector('input');
    document.getElementById('exercises').append(made);
    first.focus();
  });
  document.getElementById('tell-clinic').addEventListener('click', () => {
    const entries = flagEntries();
    if (entries.length) submit(entries);
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    submit(collect());
  });
  addEventListener('online', () => flush());
  flush();
}
