// Sending a file in pieces (tus 1.0.0): what has arrived is never sent again, whatever happens in between.

import { NoConnection, SignedOut, ask, key, readSession } from './session.js';

const PIECE = 1 << 20;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
const TUS = { 'Tus-Resumable': '1.0.0' };

export class Refused extends Error {}
export class Stopped extends Error {}

const place = file => `afoot.upload.${key}.${file.size}.${file.lastModified}.${file.name}`;

function encode(name) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(name)));
}

/** Wait until the connection may be back, or a while. */
function pause(ms, signal) {
  return new Promise((done, failed) => {
    const end = () => { clearTimeout(timer); removeEventListener('online', end); signal.removeEventListener('abort', stop); done(); };
    const stop = () => { end(); failed(new Stopped()); };
    const timer = setTimeout(end, ms);
    addEventListener('online', end);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
}

async function begin(file, csrf) {
  const answer = await ask('/api/v1/uploads', {
    method: 'POST',
    headers: { ...TUS, 'X-CSRF-Token': csrf, 'Upload-Length': String(file.size), 'Upload-Metadata': `filename ${encode(file.name)}` },
  });
  if (answer.status !== 201) throw new Refused(String(answer.status));
  const url = new URL(answer.headers.get('Location'), location.href);
  localStorage.setItem(place(file), url.pathname);
  return { path: url.pathname, offset: 0 };
}

/** Return where a file goes on: at what arrived before, or at its beginning. */
async function resume(file, csrf) {
  const path = localStorage.getItem(place(file));
  if (path) {
    const answer = await ask(path, { method: 'HEAD', headers: TUS, cache: 'no-store' });
    if (answer.ok) return { path, offset: Number(answer.headers.get('Upload-Offset')) };
    localStorage.removeItem(place(file));
  }
  return begin(file, csrf);
}

async function sendRest(file, onProgress, signal) {
  const { csrf } = await readSession();
  const at = await resume(file, csrf);
  onProgress(at.offset);
  while (at.offset < file.size) {
    if (signal.aborted) throw new Stopped();
    const answer = await ask(at.path, {
      method: 'PATCH',
      headers: { ...TUS, 'X-CSRF-Token': csrf, 'Upload-Offset': String(at.offset), 'Content-Type': 'application/offset+octet-stream' },
      body: file.slice(at.offset, at.offset + PIECE),
      signal,
    });
    // 423: what was sent before the line broke is still being written; 409: it has been.
    if (answer.status === 409 || answer.status === 423) throw new NoConnection();
    if (!answer.ok) throw new Refused(String(answer.status));
    at.offset = Number(answer.headers.get('Upload-Offset'));
    onProgress(at.offset);
  }
  localStorage.removeItem(place(file));
  const answer = await ask(at.path, { headers: TUS, cache: 'no-store' });
  return answer.ok ? (await answer.json()).outcome : null;
}

/**
 * Send a file; return what became of it, as the service tells. onProgress(bytes), onPause(): no connection, it goes on by itself.
 * Throws Refused, SignedOut or Stopped.
 */
export async function sendFile(file, { onProgress, onPause, signal }) {
  let wait = FIRST_WAIT_MS;
  const progressed = bytes => { wait = FIRST_WAIT_MS; onProgress(bytes); };
  for (;;) {
    try {
      return await sendRest(file, progressed, signal);
    } catch (error) {
      if (signal.aborted) throw new Stopped();
      if (!(error instanceof NoConnection)) throw error;
      onPause();
      await pause(wait, signal);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }
}

export { SignedOut };
