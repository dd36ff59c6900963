// The patient's page, with and without a connection.

import { startQuestions } from './answers.js';
import { startGiving } from './give.js';
import { forgetKey, isOffline, key } from './session.js';
import { startWearables } from './wearables.js';

async function keepShell() {
  if (!('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register('/worker.js');
  const ready = await navigator.serviceWorker.ready;
  ready.active.postMessage({ language: document.documentElement.lang });
}

startQuestions();
if (isOffline) {
  document.getElementById('nobody').hidden = key !== null;
} else {
  startGiving();
  startWearables();
  document.querySelector('form[action="/logout"]').addEventListener('submit', forgetKey);
  keepShell();
}
