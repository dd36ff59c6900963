// Whose page this is, and whether the session still stands.

const who = document.getElementById('who');
const KEY = 'afoot.key';

export const isOffline = 'offline' in who.dataset;

/** The pseudonym of whoever this page is of; without a connection, of whoever was signed in last; null if of nobody. */
export const key = who.dataset.key ?? (isOffline ? localStorage.getItem(KEY) : null);

if (who.dataset.key) localStorage.setItem(KEY, who.dataset.key);

/** Leave no trace of who was here: answers that wait stay, under their pseudonym. */
export function forgetKey() {
  localStorage.removeItem(KEY);
}

export class SignedOut extends Error {}
export class NoConnection extends Error {}

/** Ask for something. Throws NoConnection where nobody answers, or only something on the way; SignedOut where it must be asked again. */
export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: 'same-origin', redirect: 'error', ...options });
  } catch {
    throw new NoConnection();
  }
  if (answer.status === 401) throw new SignedOut();
  if (answer.status >= 500 || answer.status === 429) throw new NoConnection();
  return answer;
}

/** Return {key, csrf, now_ms} of the session as the service has it. */
export async function readSession() {
  const answer = await ask('/me/session', { cache: 'no-store' });
  if (!answer.ok) throw new SignedOut();
  return answer.json();
}
