// A line by JsSIP.

import JsSIP from 'jssip';

export class JssipLine {
  #ua;
  #domain;
  #events;
  #microphone;
  #session = null;
  #first = null;
  #watch = null;

  constructor({ user, login, password, domain, socket }, events, microphone, { refreshes }) {
    this.#domain = domain;
    this.#events = events;
    this.#microphone = microphone;
    this.#ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(socket)],
      uri: `sip:${user}@${domain}`,
      authorization_user: login ?? user,
      password,
      session_timers: refreshes,
      session_timers_force_refresher: refreshes,
    });
    const tell = (kind, facts) => events.tell(kind, facts);
    this.#ua.on('registered', () => tell('registered'));
    this.#ua.on('unregistered', () => tell('unregistered'));
    this.#ua.on('registrationFailed', ({ response }) => tell('registration failed', { status: response?.status_code }));
    this.#ua.on('newMessage', ({ originator, request }) => {
      if (originator === 'remote') tell('message', { from: request.from.uri.user, text: request.body });
    });
    this.#ua.on('newRTCSession', ({ originator, session, request }) => this.#adopt(originator, session, request));
  }

  start() { this.#ua.start(); }

  stop() { this.#ua.stop(); }

  /** `target` is a number, or the whole address of a device; `extraHeaders` are lines of the INVITE. */
  call(target, extraHeaders = []) {
    const uri = target.includes(':') ? target : `sip:${target}@${this.#domain}`;
    this.#ua.call(uri, { ...this.#media(), extraHeaders });
  }

  /** What the registrar calls this page alone (RFC 5627). */
  deviceAddress() { return this.#ua.contact.pub_gruu; }

  answer() { this.#session.answer(this.#media()); }

  hangup(status) { this.#session.terminate(status ? { status_code: status } : {}); }

  hold() { return new Promise((resolve) => this.#session.hold({}, resolve)); }

  resume() { return new Promise((resolve) => this.#session.unhold({}, resolve)); }

  transfer(target) { this.#refer(this.#session, `sip:${target}@${this.#domain}`); }

  /** Calls somebody else while the call is on hold. */
  async consult(target) {
    await this.hold();
    this.#first = this.#session;
    this.call(target);
  }

  /** The other side of the first call goes on with that of the second. */
  join() { this.#refer(this.#first, this.#session.remote_identity.uri, this.#session); }

  /** Goes on with the first call. */
  async takeBack() {
    this.#session = this.#first;
    await this.resume();
  }

  #refer(session, target, replaces) {
    const tell = (kind, status) => this.#events.tell(kind, { status });
    const news = ({ status_line: { status_code } }) => tell('transfer', status_code);
    const requestFailed = ({ response }) => tell('transfer refused', response?.status_code ?? null);
    const eventHandlers = { trying: news, progress: news, accepted: news, failed: news, requestFailed };
    session.refer(target, { eventHandlers, replaces });
  }

  /** Writes to somebody, out of any call. */
  write(target, text) {
    const told = ({ response }) => this.#events.tell('message answered', { status: response?.status_code ?? null });
    this.#ua.sendMessage(`sip:${target}@${this.#domain}`, text, { eventHandlers: { succeeded: told, failed: told } });
  }

  /** Watches somebody. */
  watch(target, event, accept) {
    this.#watch = this.#ua.subscribe(`sip:${target}@${this.#domain}`, event, accept, { expires: 300 });
    this.#watch.on('notify', (isFinal, request, body) => {
      this.#events.tell('notified', { body, state: request.getHeader('Subscription-State') });
    });
    this.#watch.on('terminated', (code, reason) => this.#events.tell('watch ended', { reason: reason ?? null }));
    this.#watch.subscribe();
  }

  unwatch() { this.#watch.terminate(); }

  sendInfo(type, body) { this.#session.sendInfo(type, body); }

  restartIce() {
    const rtcOfferConstraints = { iceRestart: true };
    return new Promise((resolve) => this.#session.renegotiate({ rtcOfferConstraints }, resolve));
  }

  /** What a page does that sees the network change: its WebSocket may be dead, and looks alive. */
  reconnect() {
    const { _transport: transport } = this.#ua;
    transport.disconnect();
    transport.connect();
  }

  /** `how` is 'INFO' or 'RFC2833'. */
  async sendDigits(digits, how, duration) {
    // A sender takes digits only once its transport is up.
    const { dtmf } = this.#session.connection.getSenders()[0];
    while (!dtmf.canInsertDTMF) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#session.sendDTMF(digits, { transportType: how, duration, interToneGap: 100 });
  }

  #media() {
    const mediaConstraints = { audio: true, video: false };
    // JsSIP mutes the tracks of a call on hold, and no other call's.
    return { mediaStream: this.#microphone.clone(), mediaConstraints, pcConfig: { iceServers: [] } };
  }

  #adopt(by, session, request) {
    this.#session = session;
    const tell = (kind, facts) => this.#events.tell(kind, facts);
    const end = ({ originator, cause, message }) => {
      tell('ended', { by: originator, cause, status: message?.status_code ?? null });
    };
    session.on('progress', ({ originator, response }) => {
      if (originator === 'remote') tell('progress', { status: response.status_code });
    });
    session.on('accepted', () => tell('accepted'));
    session.on('confirmed', () => tell('confirmed'));
    session.on('ended', end);
    session.on('failed', end);
    session.on('hold', ({ originator }) => tell('hold', { by: originator }));
    session.on('unhold', ({ originator }) => tell('unhold', { by: originator }));
    session.on('newDTMF', ({ originator, dtmf }) => {
      // Those that go in media are no event of JsSIP.
      tell(originator === 'remote' ? 'digit' : 'digit signalled', { digit: dtmf.tone, duration: dtmf.duration });
    });
    session.on('newInfo', ({ originator, info }) => {
      if (originator === 'remote') tell('info', { type: info.contentType, body: info.body });
    });
    if (by !== 'remote') return;
    const extra = Object.keys(request.headers).filter((name) => name.startsWith('X-'));
    const headers = Object.fromEntries(extra.map((name) => [name, request.getHeader(name)]));
    tell('incoming', { from: session.remote_identity.uri.user, headers });
  }
}
