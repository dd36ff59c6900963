// The texts that the page carries for its scripts: these have no words of their own.

const texts = JSON.parse(document.getElementById('words').textContent);

/** Return a text with its {names} filled in. */
export function text(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Return the form of a text for a number. */
export function many(key, n) {
  return text(`${key}_${n === 1 ? 'one' : 'many'}`, { n: n.toLocaleString(document.documentElement.lang) });
}
