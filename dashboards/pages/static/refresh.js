// Parts of the page that is open, as the service would show them now.

import { NoConnection, SignedOut, ask } from './session.js';

/** Renew what the parts with these ids hold; without a connection or a session they stay as they are. */
export async function refresh(...ids) {
  try {
    const answer = await ask(`/me${location.search}`, { cache: 'no-store' });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const id of ids) document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
  } catch (error) {
    if (!(error instanceof NoConnection || error instanceof SignedOut)) throw error;
  }
}
