// A dialler with one call at a time.

import { Phone } from '../dist/index.js';
import { $, attempt, say, url } from './page.js';

let phone = null;
let call = null;

const isTaken = () => call !== null && call.state !== 'ended';

/** Shows a call, and what becomes of it. Whoever calls meanwhile is told that we are busy. */
function show(shown) {
  if (isTaken()) return shown.state === 'incoming' ? shown.reject('busy') : shown.hangup();
  call = shown;
  $('call').hidden = false;
  const words = { calling: 'Calling', ringing: 'Ringing', incoming: 'Called by', connected: 'Talking to' };
  const tell = () => {
    $('answer').hidden = call.state !== 'incoming';
    if (call.state !== 'ended') say(`${words[call.state]} ${call.facts.displayName || call.peer}`);
  };
  call.on('state', tell);
  call.on('held', (isHeld) => say(isHeld ? `${call.peer} holds the call` : `Talking to ${call.peer}`));
  call.on('path', (isWell) => { if (!isWell) say('Looking for a path ...'); else tell(); });
  call.on('ended', ({ text }) => { $('call').hidden = true; say(text); });
  tell();
}

$('sign-in').onsubmit = attempt(async () => {
  phone = new Phone({ url, proof: { kind: 'password', user: $('user').value, password: $('password').value } });
  phone.on('state', (state) => { if (state !== 'connected') say(`The gateway: ${state}`); });
  phone.on('incoming', show);
  phone.on('restored', show);
  await phone.connect();
  const options = (await phone.devices.microphones()).map(({ id, name }) => new Option(name || 'Microphone', id));
  $('microphone').replaceChildren(new Option('The usual one', ''), ...options);
  if (call === null) say(`Ready, ${phone.user}`);
});

$('dial').onsubmit = attempt(async () => {
  if (isTaken()) throw new Error('There is a call already');
  await show(await phone.call($('number').value));
});
$('answer').onclick = attempt(() => call.answer());
$('hangup').onclick = attempt(() => call.hangup());
$('hold').onclick = attempt(() => (call.isHeld ? call.resumeMedia() : call.hold()));
$('mute').onclick = attempt(async () => call.mute(!call.isMuted));
$('microphone').onchange = () => phone.devices.chooseMicrophone($('microphone').value);

$('keys').append(...'123456789*0#'.split('').map((key) => {
  const button = Object.assign(document.createElement('button'), { textContent: key });
  button.onclick = attempt(() => call.sendDtmf(key));
  return button;
}));
