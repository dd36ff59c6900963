// Answers that wait on this phone: kept before they are sent, each with an id of its own, so that none is lost or counted twice.

const NAME = 'afoot';
const STORE = 'answers';

function open() {
  return new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: 'id' });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
}

async function run(mode, act) {
  const base = await open();
  try {
    return await new Promise((done, failed) => {
      const transaction = base.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(asked.result);
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  } finally {
    base.close();
  }
}

export const keep = set => run('readwrite', store => store.put(set));
export const drop = id => run('readwrite', store => store.delete(id));

/** Return what waits of one patient, oldest first. */
export async function listWaiting(key) {
  const all = await run('readonly', store => store.getAll());
  return all.filter(set => set.key === key).sort((one, other) => one.at - other.at);
}

/** Return a random id, also where the page came without encryption and the browser gives no UUID. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('');
}
