// A supervisor: what the agents do, and any of their calls: heard, with a word to the agent alone, or to both. Whom she may watch and
// supervise, the gateway's configuration says: `groups`, and `supervises` of her own user.

import { Phone } from '../dist/index.js';
import { $, attempt, say, url } from './page.js';

const MODES = { listen: 'Listening to', whisper: 'Whispering to', barge: 'Talking with' };

let phone = null;
/** The call that she is in: whose it is, and as what she is there. */
let seat = null;
/** What she wishes is done one after the other, however quickly she clicks. */
let turn = Promise.resolve();
const inTurn = (work) => (turn = turn.then(work, work));

/** Goes into an agent's call, or is something else in it. Done when she is in it, or is not let in. */
async function enter(agent, mode) {
  if (seat?.agent === agent) {
    await seat.call.setMode(mode);
    return say(`${MODES[mode]} ${agent}`);
  }
  await seat?.call.hangup();
  const call = await phone.supervise(agent, mode);
  seat = { agent, call };
  await new Promise((done) => {
    const tell = () => {
      const [isUp, isOver] = ['connected', 'ended'].map((state) => call.state === state);
      if (isUp || isOver) done();
      if (seat?.call !== call) return;
      if (isOver) seat = null;
      $('leave').hidden = isOver;
      say(isOver ? call.end.text : isUp ? `${MODES[mode]} ${agent}` : `${agent}: ${call.state}`);
    };
    call.on('state', tell);
    tell();
  });
}

/** A row of the list: an agent, and what can be done with a call of hers. */
function show({ user, state }) {
  const row = $(`agent-${user}`) ?? Object.assign($('calls').insertRow(), { id: `agent-${user}` });
  const cell = (text) => Object.assign(document.createElement('td'), { textContent: text });
  row.replaceChildren(...[user, state, new Date().toLocaleTimeString()].map(cell));
  row.insertCell().append(...(state === 'talking' ? Object.keys(MODES) : []).map((mode) => {
    const button = Object.assign(document.createElement('button'), { textContent: mode, className: mode });
    button.onclick = attempt(() => inTurn(() => enter(user, mode)));
    return button;
  }));
}

$('sign-in').onsubmit = attempt(async () => {
  phone = new Phone({ url, proof: { kind: 'password', user: $('user').value, password: $('password').value } });
  phone.on('state', (state) => { if (state !== 'connected') say(`The gateway: ${state}`); });
  phone.on('presence', show);
  await phone.connect();
  await phone.watch($('agents').value.split(',').map((name) => name.trim()));
  say(`Ready, ${phone.user}`);
});
$('leave').onclick = attempt(() => seat.call.hangup());
