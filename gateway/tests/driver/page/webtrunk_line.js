// A line by our own SDK, which speaks JSON and not SIP.

import { browser } from '../../../../sdk/src/environment.ts';
import { Phone } from '../../../../sdk/src/index.ts';
import { openMicrophone } from './microphone.js';

export class WebtrunkLine {
  #phone;
  #events;
  /** The newest connection to the gateway, for what the SDK does not ask for. */
  #socket = null;
  #call = null;
  #first = null;
  #other = null;

  constructor({ user, login, password, socket }, events, microphone, { plays }) {
    this.#events = events;
    const environment = browser();
    const openSocket = (...where) => {
      this.#socket = environment.openSocket(...where);
      return this.#socket;
    };
    this.#phone = new Phone({
      url: socket,
      proof: login ? { kind: 'ephemeral', name: login, password } : { kind: 'password', user, password },
      plays,
      microphone: async ({ deviceId }) => (deviceId ? this.#other : microphone).clone(),
    }, { ...environment, openSocket });
    this.#phone.on('state', (state) => events.tell(state === 'connected' ? 'registered' : `is ${state}`));
    this.#phone.on('presence', ({ user, state }) => events.tell('presence', { user, state }));
    this.#phone.on('message', ({ from, text }) => events.tell('message', { from, text }));
    this.#phone.devices.on('unplugged', (what) => events.tell('unplugged', { what }));
    this.#phone.on('replaced', () => events.tell('replaced'));
    this.#phone.on('fault', (fault) => events.tell('fault', { text: fault.message }));
    this.#phone.on('incoming', (call) => {
      this.#adopt(call);
      events.tell('incoming', { from: call.peer, headers: call.facts.headers });
    });
    this.#phone.on('restored', (call) => {
      this.#adopt(call);
      events.tell('restored', { peer: call.peer, state: call.state });
    });
  }

  start() { return this.#phone.connect(); }

  stop() { return this.#phone.disconnect(); }

  /** When the call was asked for is noted, and when it was heard first, in ms. */
  async call(target) {
    const from = performance.now();
    const call = this.#begin(await this.#phone.call(target));
    const { connection } = call;
    const isHeard = async () => {
      const heard = [...(await connection.getStats()).values()].find(({ type }) => type === 'inbound-rtp');
      if (heard?.totalSamplesReceived > 0) this.#events.tell('heard', { after: performance.now() - from });
      else if (call.state !== 'ended') setTimeout(isHeard, 5);
    };
    void isHeard();
  }

  watch(user) { return this.#phone.watch([user]); }

  async supervise(user, mode) { this.#begin(await this.#phone.supervise(user, mode)); }

  setMode(mode) { return this.#call.setMode(mode); }

  answer() { return this.#call.answer(); }

  hangup(status) {
    if (this.#call.state !== 'incoming') return this.#call.hangup();
    return this.#call.reject(status === 486 ? 'busy' : 'declined');
  }

  hold() { return this.#call.hold(); }

  resume() { return this.#call.resumeMedia(); }

  /** What comes of it is told, and not waited for. */
  transfer(target) { this.#refer(this.#call, target); }

  async consult(target) {
    await this.hold();
    this.#first = this.#call;
    await this.call(target);
  }

  join() { this.#refer(this.#first, this.#call); }

  /** The second call is the one that all are in then. */
  merge() { return this.#call.merge(this.#first); }

  /** Another microphone, which is in no list of devices. */
  async chooseMicrophone(sound) {
    this.#other = await openMicrophone(sound);
    this.#phone.devices.chooseMicrophone('another');
  }

  /** What is in no list of devices is gone. */
  unplug() { navigator.mediaDevices.dispatchEvent(new Event('devicechange')); }

  /** Asked for them, a browser tells by `devicechange` too what the system has told it nothing of. */
  async speakers() { return (await this.#phone.devices.speakers()).map(({ name }) => name); }

  /** The one of this name; empty for the usual one. */
  async chooseSpeaker(name) {
    const known = await this.#phone.devices.speakers();
    this.#phone.devices.chooseSpeaker(name && known.find((it) => it.name === name).id);
  }

  mute(isMuted) { this.#call.mute(isMuted); }

  /** Has the gateway silence it, and not the page. */
  muteByGateway(muted) {
    const params = { callId: this.#call.id, muted };
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id: 'mute', method: 'mute', params }));
  }

  record(wish) { return this.#call.record(wish); }

  report() { return this.#phone.report(); }

  restartIce() { return this.#call.restartIce(); }

  sendDigits(digits, how, duration) { return this.#call.sendDtmf(digits, duration); }

  /** What comes of it is told, and not waited for. */
  write(target, text) {
    this.#phone.write(target, text).then(
      () => this.#events.tell('message answered', { status: 200 }),
      (fault) => this.#events.tell('message answered', { fault: fault.kind }),
    );
  }

  levels() { return this.#call.levels(); }

  statistics() { return this.#call.statistics(); }

  #refer(call, to) {
    call.transfer(to).then(
      () => this.#events.tell('transferred'),
      (fault) => this.#events.tell('transfer refused', { text: fault.message }),
    );
  }

  /** A call of ours, which may be taken already. */
  #begin(call) {
    this.#adopt(call);
    if (call.state === 'connected') this.#events.tell('accepted');
    return call;
  }

  #adopt(call) {
    this.#call = call;
    const tell = (kind, facts) => this.#events.tell(kind, facts);
    call.on('state', (state) => {
      if (state === 'connected') tell('accepted');
      if (state === 'ringing') tell('progress', { status: 180 });
    });
    call.on('path', (isWell) => tell(isWell ? 'path' : 'no path'));
    call.on('held', (isHeld) => tell(isHeld ? 'hold' : 'unhold', { by: 'remote' }));
    call.on('transferProgress', ({ step, cause }) => tell('transfer', { step, cause }));
    ['quality', 'speaker', 'oneWay'].forEach((kind) => call.on(kind, (facts) => tell(kind, facts)));
    call.on('dtmf', ({ digit, durationMs }) => tell('digit', { digit, duration: durationMs }));
    call.on('ended', ({ cause, sipStatus, text }) => tell('ended', { cause, status: sipStatus, text }));
  }
}
