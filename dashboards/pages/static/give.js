// Choosing or dropping files, their progress, and what became of them.

import { refresh } from './refresh.js';
import { ask } from './session.js';
import { Refused, SignedOut, Stopped, sendFile } from './upload.js';
import { text } from './words.js';

const READ_AGAIN_MS = 1500;
const READ_AGAIN_MOST = 120;

const drop = document.getElementById('drop');
const transfers = document.getElementById('transfers');
const said = document.getElementById('transfer-said');
const results = document.getElementById('results');
let queue = Promise.resolve();
let watching = false;

function addLine(file) {
  const line = document.createElement('li');
  const name = Object.assign(document.createElement('p'), { className: 'name' });
  name.append(Object.assign(document.createElement('bdi'), { textContent: file.name }));
  const bar = Object.assign(document.createElement('progress'), { max: Math.max(1, file.size), value: 0 });
  bar.setAttribute('aria-label', text('give_progress', { name: file.name }));
  const state = Object.assign(document.createElement('p'), { className: 'hint', textContent: text('give_waiting') });
  const stop = Object.assign(document.createElement('button'), { type: 'button', className: 'clear', textContent: text('give_stop') });
  line.append(name, bar, state, stop);
  transfers.append(line);
  return { line, bar, state, stop };
}

const REASONS = { 413: 'give_too_large' };

function reason(error) {
  if (error instanceof SignedOut) return text('give_signed_out');
  const key = REASONS[error.message];
  return key ? text(key) : error.message;
}

async function give(file, line, signal) {
  const tell = words => { line.state.textContent = words; };
  const end = words => { tell(words); line.stop.remove(); said.textContent = `${file.name}: ${words}`; };
  if (!file.size) return end(text('give_failed', { why: text('give_empty') }));
  try {
    const outcome = await sendFile(file, {
      signal,
      onProgress: bytes => {
        line.bar.value = bytes;
        tell(text('give_sending', { percent: Math.floor((100 * bytes) / file.size) }));
      },
      onPause: () => tell(text('give_paused')),
    });
    tell(text('give_reading'));
    await watchResults();
    end(text(outcome?.known ? 'give_known' : 'give_done'));
    await refresh('today');
  } catch (error) {
    if (error instanceof Stopped) end(text('give_stopped'));
    else if (error instanceof Refused || error instanceof SignedOut) end(text('give_failed', { why: reason(error) }));
    else throw error;
  }
}

/** Show what became of the files, again and again until all are read. */
async function watchResults() {
  if (watching) return;
  watching = true;
  try {
    for (let turn = 0; turn < READ_AGAIN_MOST; turn += 1) {
      const answer = await ask(`/me/files${location.search}`, { cache: 'no-store' });
      if (answer.ok) results.innerHTML = await answer.text();
      if (answer.ok && !results.querySelector('.reading')) return;
      await new Promise(done => setTimeout(done, READ_AGAIN_MS));
    }
  } finally {
    watching = false;
  }
}

/** Send files one after another: a phone has one connection. */
export function giveFiles(files) {
  for (const file of files) {
    const line = addLine(file);
    const stopper = new AbortController();
    line.stop.addEventListener('click', () => stopper.abort());
    queue = queue.then(() => give(file, line, stopper.signal));
  }
}

export function startGiving() {
  const input = document.getElementById('files');
  input.addEventListener('change', () => {
    giveFiles([...input.files]);
    input.value = '';
  });
  for (const kind of ['dragenter', 'dragover']) {
    drop.addEventListener(kind, event => {
      event.preventDefault();
      drop.classList.add('over');
    });
  }
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', event => {
    event.preventDefault();
    drop.classList.remove('over');
    giveFiles([...event.dataTransfer.files]);
  });
  if (results.querySelector('.reading')) watchResults();
}
