// The demo hands its credentials to pages on its own machine; elsewhere one signs in by hand.

const REMEMBERED = 'webtrunk-user';

/** The demo's users and numbers; null where the gateway is no demo. */
export async function fetchDemo() {
  const response = await fetch('api/demo', { headers: { Accept: 'application/json' } });
  if (response.status === 204) return null;
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  return response.json();
}

/** Who this tab was before it was reloaded, or who its address says (`?user=bob`). */
export function rememberedUser(names) {
  const asked = new URLSearchParams(location.search).get('user');
  return [asked, sessionStorage.getItem(REMEMBERED)].find((name) => names.includes(name));
}

export function rememberUser(name) {
  sessionStorage.setItem(REMEMBERED, name);
}
