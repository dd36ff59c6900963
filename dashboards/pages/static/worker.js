// Keeps the shell of the patient's page on the phone: texts, styles and questions, nothing of anybody.

const CACHE = `afoot-${SHELL.version}`;
const SETTINGS = 'afoot-settings';
const PATIENCE_MS = 10000;
const offlinePage = language => `/offline?lang=${language}`;

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll([...SHELL.files, ...SHELL.languages.map(offlinePage)]);
  await self.skipWaiting();
}

async function clean() {
  const old = (await caches.keys()).filter(name => name !== CACHE && name !== SETTINGS);
  await Promise.all(old.map(name => caches.delete(name)));
  await self.clients.claim();
}

async function readLanguage() {
  const kept = await (await caches.open(SETTINGS)).match('/language');
  return kept ? kept.text() : SHELL.languages[0];
}

async function showPage(request) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    return await fetch(request, { signal: patience.signal });
  } catch {
    return (await caches.open(CACHE)).match(offlinePage(await readLanguage()));
  } finally {
    clearTimeout(timer);
  }
}

async function showFile(request) {
  return (await (await caches.open(CACHE)).match(request)) ?? fetch(request);
}

self.addEventListener('install', event => event.waitUntil(keep()));
self.addEventListener('activate', event => event.waitUntil(clean()));
self.addEventListener('message', event => {
  if (SHELL.languages.includes(event.data.language)) {
    event.waitUntil(caches.open(SETTINGS).then(cache => cache.put('/language', new Response(event.data.language))));
  }
});
self.addEventListener('fetch', event => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate' && ['/', '/me', '/offline'].includes(url.pathname)) event.respondWith(showPage(request));
  else if (url.pathname.startsWith('/static/')) event.respondWith(showFile(request));
});
