// What the examples have in common: their elements, their line of status, and where the gateway is: at
// `?gateway=wss://phone.example/api/v1`, or where the page is from.

export const url = new URLSearchParams(location.search).get('gateway') ?? `wss://${location.host}/api/v1`;

export const $ = (id) => document.getElementById(id);

export const say = (text) => { $('status').textContent = text; };

/** Does something, and says what went wrong. */
export const attempt = (work) => async (event) => {
  event?.preventDefault();
  try { await work(); } catch (fault) { say(fault.message); }
};
