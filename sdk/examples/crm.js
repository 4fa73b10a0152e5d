// A CRM: a customer who calls has a card before the phone rings, and a click on a name calls it. The page's own server makes its
// token (`GET /token`), so the page knows no password.

import { Phone } from '../dist/index.js';
import { Bell } from './bell.js';

const $ = (id) => document.getElementById(id);
const say = (text) => { $('status').textContent = text; };
const url = new URLSearchParams(location.search).get('gateway') ?? `wss://${location.host}/api/v1`;

/** What a real CRM has a database for. */
const CUSTOMERS = [
  { number: '2001', name: 'Ada Example', notes: 'Waits for a part since Monday.' },
  { number: '0301234567', name: 'Bert Sample', notes: 'Likes to be called in the morning.' },
];

/** Asked for anew at each session: a token is good once. */
async function proof() {
  const response = await fetch('/token');
  if (!response.ok) throw new Error(`the CRM's server says ${response.status}`);
  return { kind: 'token', token: await response.text() };
}

const phone = new Phone({ url, proof });
const bell = new Bell();
let call = null;

function pop(shown) {
  call = shown;
  const { peer, displayName, headers, direction } = call.facts;
  const known = CUSTOMERS.find(({ number }) => peer.endsWith(number));
  $('name').textContent = known?.name ?? (displayName || 'Nobody we know');
  $('number').textContent = peer;
  $('notes').textContent = [known?.notes, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].filter(Boolean).join(' ');
  $('card').hidden = false;
  const tell = () => {
    $('answer').hidden = $('reject').hidden = call.state !== 'incoming';
    if ($('answer').hidden) bell.stop();
    say(`${direction === 'incoming' ? 'From' : 'To'} ${$('name').textContent}: ${call.state}`);
  };
  call.on('state', tell);
  call.on('transferProgress', ({ step }) => say(`Handed on: ${step}`));
  call.on('ended', ({ text }) => { $('card').hidden = true; say(text); });
  tell();
  // Whoever is startled by the bell has the card before the eyes.
  setTimeout(() => { if (call.state === 'incoming') bell.ring(); }, 50);
}

const attempt = (work) => async () => {
  try { await work(); } catch (fault) { say(fault.message); }
};

phone.on('incoming', pop);
phone.on('restored', pop);
phone.on('state', (state) => { if (call === null || call.state === 'ended') say(`The gateway: ${state}`); });
$('answer').onclick = attempt(() => call.answer());
$('reject').onclick = attempt(() => call.reject());
$('hangup').onclick = attempt(() => call.hangup());
$('transfer').onclick = attempt(() => call.transfer($('colleague').value));
$('customers').append(...CUSTOMERS.map(({ name, number }) => {
  const button = Object.assign(document.createElement('button'), { textContent: name });
  button.onclick = attempt(async () => pop(await phone.call(number)));
  const item = document.createElement('li');
  item.append(button);
  return item;
}));
await attempt(() => phone.connect())();
