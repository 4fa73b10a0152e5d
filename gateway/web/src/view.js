// The page: shows a Phone and hands on what is pressed. What peers say is only ever shown as text.

import { facts } from './facts.js';
import { Meter } from './meter.js';
import { userOf } from './phone.js';
import { Ringer } from './ringer.js';

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];
const DIGIT = /^[0-9*#A-D]$/;
const TITLE = document.title;
const element = (id) => document.getElementById(id);

const STATUS = {
  calling: 'Calling',
  ringing: 'Ringing',
  incoming: 'Incoming call',
  answering: 'Connecting',
  talking: 'Connected',
};

export class View {
  #phone = null;
  #audio = null;
  #line = { state: 'offline', text: 'Starting' };

  constructor() {
    for (const key of KEYS) element('pad').append(button(key, () => this.#press(key)));
    element('dialler').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#dial(element('target').value.trim());
    });
    element('erase').addEventListener('click', () => { element('target').value = element('target').value.slice(0, -1); });
    element('hangup').addEventListener('click', () => this.#phone?.hangup());
    element('reject').addEventListener('click', () => this.#phone?.hangup());
    element('accept').addEventListener('click', () => this.#phone?.accept(this.#constraints()));
    element('mute').addEventListener('click', () => this.#phone?.setMuted(!this.#phone.isMuted));
    element('hold').addEventListener('click', () => this.#phone?.setHeld(!this.#phone.isHeld));
    document.addEventListener('keydown', (event) => this.#type(event));
    element('processing').checked = new URLSearchParams(location.search).get('processing') !== 'off';
    setInterval(() => this.#refresh(), 1000);
    const draw = () => { this.#drawLevels(); requestAnimationFrame(draw); };
    draw();
  }

  notice(text) {
    element('notice').textContent = text;
    element('notice').hidden = false;
  }

  /** Asks who it is; `fault` says what was wrong with the last answer. */
  showSignIn(fault, submit) {
    element('account').hidden = element('phone').hidden = true;
    element('sign-in').hidden = false;
    element('sign-in-fault').textContent = fault;
    element('sign-in').onsubmit = (event) => {
      event.preventDefault();
      element('sign-in').hidden = true;
      element('sign-in-fault').textContent = '';
      submit(element('sign-in-user').value.trim(), element('sign-in-password').value);
    };
    if (fault) element('sign-in-password').select();
  }

  showUsers(names, chosen, choose) {
    element('user').replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
    element('user').onchange = () => choose(element('user').value);
  }

  showShortcuts(numbers) {
    element('shortcuts').replaceChildren(...numbers.map(({ number, title }) => {
      const choose = () => {
        element('target').value = number;
        element('dial').focus();
      };
      return button(title === number ? title : `${title} ${number}`, choose);
    }));
  }

  attach(phone) {
    this.#phone = phone;
    const names = [...element('user').options].map((option) => option.value);
    if (!names.includes(phone.user)) element('user').replaceChildren(new Option(phone.user));
    element('account').hidden = element('phone').hidden = false;
    const mine = (handle) => ({ detail }) => { if (this.#phone === phone) handle(detail); };
    phone.addEventListener('line', mine((line) => { this.#line = line; this.#show(''); }));
    phone.addEventListener('state', mine(({ why }) => this.#show(why)));
    phone.addEventListener('remote', mine(({ stream }) => this.#hear(stream)));
  }

  /** Audio needs a gesture first, so it is made at the first press. */
  #sound() {
    if (!this.#audio) {
      const context = new AudioContext();
      this.#audio = { context, out: new Meter(context), back: new Meter(context), ringer: new Ringer(context) };
    }
    this.#audio.context.resume();
    return this.#audio;
  }

  #dial(target) {
    if (!target) return element('target').focus();
    if (userOf(target) === this.#phone?.user) return this.#show('That is you: dial somebody else');
    this.#sound();
    this.#phone?.dial(target, this.#constraints());
  }

  #constraints() {
    const clean = element('processing').checked;
    return { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean };
  }

  #press(key) {
    if (this.#phone?.state === 'talking') this.#phone.sendDigit(key);
    else element('target').value += key;
  }

  /** During a call the keyboard's digits are the pad's, unless a field wants them. */
  #type(event) {
    const key = event.key.toUpperCase();
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select')) return;
    if (this.#phone?.state === 'talking' && DIGIT.test(key)) this.#phone.sendDigit(key);
  }

  #hear(stream) {
    element('remote').srcObject = stream;
    this.#sound().back.watch(stream);
  }

  /** Shows line and call; `why` says why a call ended. */
  #show(why) {
    const phone = this.#phone;
    const { state } = phone;
    element('line').dataset.state = this.#line.state;
    element('line').title = this.#line.text;
    element('incoming').hidden = state !== 'incoming';
    element('dial').disabled = state !== 'idle' || this.#line.state !== 'registered';
    element('hangup').disabled = state === 'idle' || state === 'incoming';
    element('user').disabled = state !== 'idle';
    for (const [id, isOn] of [['mute', phone.isMuted], ['hold', phone.isHeld]]) {
      element(id).disabled = state !== 'talking';
      element(id).setAttribute('aria-pressed', String(isOn));
    }
    element('status').textContent = this.#status(why);
    document.title = state === 'incoming' ? `${caller(phone)} calls` : TITLE;
    if (state === 'incoming') this.#announce();
    this.#soundFor(state);
  }

  #status(why) {
    const phone = this.#phone;
    if (phone.state === 'idle') return why || this.#line.text;
    const other = phone.session.remote_identity.uri.user ?? '';
    const held = phone.state === 'talking' ? phone.session.isOnHold() : {};
    if (held.local) return `${other}: on hold`;
    if (held.remote) return `${other} put you on hold`;
    return `${STATUS[phone.state]}: ${other}`;
  }

  #soundFor(state) {
    if (state === 'idle') {
      this.#audio?.out.watch(null);
      this.#audio?.back.watch(null);
      this.#audio?.ringer.follow(state);
      return;
    }
    if (state === 'talking') this.#watchMicrophone();
    this.#sound().ringer.follow(this.#hearsEarlyMedia(state) ? 'talking' : state);
  }

  #announce() {
    element('incoming-caller').textContent = caller(this.#phone);
    element('accept').focus();
  }

  /** Whether the far side already sends audio, so that no ringback of ours is wanted. */
  #hearsEarlyMedia(state) {
    return state === 'ringing' && this.#phone.session.connection?.remoteDescription !== null;
  }

  #watchMicrophone() {
    const track = this.#phone.session.connection.getSenders().find((sender) => sender.track)?.track;
    this.#sound().out.watch(track ? new MediaStream([track]) : null);
  }

  async #refresh() {
    const connection = this.#phone?.state === 'talking' ? this.#phone.session.connection : null;
    if (!connection) return;
    const rows = await facts(connection);
    element('facts').replaceChildren(...rows.flatMap(([title, text]) => [child('dt', title), child('dd', text)]));
  }

  #drawLevels() {
    element('level-out').value = this.#phone?.isMuted ? 0 : this.#audio?.out.level() ?? 0;
    element('level-in').value = this.#audio?.back.level() ?? 0;
  }
}

/** Who calls, by name and number where they differ. */
function caller(phone) {
  const { display_name: name, uri } = phone.session.remote_identity;
  return name && name !== uri.user ? `${name} (${uri.user})` : uri.user;
}

function child(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function button(text, press) {
  const made = child('button', text);
  made.type = 'button';
  made.addEventListener('click', press);
  return made;
}
