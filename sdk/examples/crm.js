// A CRM: a customer who calls has a card before the phone rings, and a click on a name calls it. Each call has its card; one is
// talked in at a time. The page's own server makes its token (`GET /token`), so the page knows no password.

import { Phone } from '../dist/index.js';
import { Bell } from './bell.js';
import { byNumber, CUSTOMERS } from './customers.js';
import { $, attempt, say, url } from './page.js';

/** Asked for anew at each session: a token is good once. */
async function proof() {
  const response = await fetch('/token');
  if (!response.ok) throw new Error(`the CRM's server says ${response.status}`);
  return { kind: 'token', token: await response.text() };
}

const phone = new Phone({ url, proof });
const bell = new Bell();
const holdAll = (but) => {
  const talks = phone.calls.filter((call) => call !== but && call.state === 'connected' && !call.isHeld);
  return Promise.all(talks.map((call) => call.hold()));
};

function pop(call) {
  const card = $('blank').content.firstElementChild.cloneNode(true);
  const part = (name) => card.querySelector(`.${name}`);
  const { peer, displayName, headers, direction } = call.facts;
  const known = byNumber(peer);
  card.id = `card-${call.id}`;
  part('name').textContent = known?.name ?? (displayName || 'Nobody we know');
  part('number').textContent = peer;
  part('notes').textContent = [known?.notes, ...Object.entries(headers).map((pair) => pair.join(': '))].filter(Boolean).join(' ');
  const tell = () => {
    part('answer').hidden = part('reject').hidden = call.state !== 'incoming';
    if (phone.calls.every(({ state }) => state !== 'incoming')) bell.stop();
    say(`${direction === 'incoming' ? 'From' : 'To'} ${part('name').textContent}: ${call.isHeld ? 'held' : call.state}`);
  };
  part('answer').onclick = attempt(async () => { await holdAll(); await call.answer(); });
  part('reject').onclick = attempt(() => call.reject());
  part('hangup').onclick = attempt(() => call.hangup());
  part('hold').onclick = attempt(async () => { await (call.isHeld ? holdAll().then(() => call.resumeMedia()) : call.hold()); tell(); });
  part('transfer').onclick = attempt(() => call.transfer(part('colleague').value));
  call.on('state', (state) => { tell(); if (state === 'connected') attempt(() => holdAll(call))(); });
  call.on('transferProgress', ({ step }) => say(`Handed on: ${step}`));
  call.on('ended', ({ text }) => { card.remove(); say(text); });
  $('calls').append(card);
  card.hidden = false;
  tell();
  // Whoever is startled by the bell has the card before the eyes.
  setTimeout(() => { if (call.state === 'incoming') bell.ring(); }, 50);
}

for (const kind of ['incoming', 'restored']) phone.on(kind, pop);
phone.on('state', (state) => { if (phone.calls.length === 0) say(`The gateway: ${state}`); });
phone.on('registration', ({ account }) => { if (account && phone.calls.length === 0) say(`Your account: ${account}`); });
for (const { name, number } of CUSTOMERS) {
  const button = Object.assign(document.createElement('button'), { textContent: name });
  button.onclick = attempt(async () => { await holdAll(); pop(await phone.call(number)); });
  $('customers').insertAdjacentElement('beforeend', document.createElement('li')).append(button);
}
await attempt(() => phone.connect())();
