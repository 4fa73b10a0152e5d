// A line by SIP.js.

import { Inviter, Messager, Registerer, RegistererState, SessionState, Subscriber, SubscriptionState, UserAgent, Web } from 'sip.js';

const DTMF_RELAY = 'application/dtmf-relay';

export class SipjsLine {
  #agent;
  #registerer;
  #domain;
  #events;
  #session = null;
  #first = null;
  #watch = null;

  constructor({ user, login, password, domain, socket }, events, microphone) {
    this.#domain = domain;
    this.#events = events;
    // SIP.js stops the tracks that it was given when the call is over.
    const ownTracks = async () => microphone.clone();
    this.#agent = new UserAgent({
      uri: UserAgent.makeURI(`sip:${user}@${domain}`),
      authorizationUsername: login ?? user,
      authorizationPassword: password,
      transportOptions: { server: socket },
      sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(ownTracks),
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
      logLevel: 'warn',
      delegate: {
        onDisconnect: (error) => { if (error) this.#comeBack(); },
        onMessage: async (message) => {
          await message.accept();
          this.#tellMessage('message', message);
        },
        onInvite: (invitation) => {
          this.#adopt(invitation);
          events.tell('incoming', { from: invitation.remoteIdentity.uri.user });
        },
      },
    });
    this.#registerer = new Registerer(this.#agent, { regId: 1 });
    this.#registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) events.tell('registered');
      if (state === RegistererState.Unregistered) events.tell('unregistered');
    });
  }

  async start() {
    await this.#agent.start();
    const onReject = ({ message }) => this.#events.tell('registration failed', { status: message.statusCode });
    await this.#registerer.register({ requestDelegate: { onReject } });
  }

  /** SIP.js leaves it to the page to connect again. */
  async #comeBack() {
    const pause = () => new Promise((resolve) => setTimeout(resolve, 500));
    let isBack = false;
    while (!isBack) {
      await pause();
      isBack = await this.#agent.reconnect().then(() => true, () => false);
    }
    await this.#registerer.register();
    this.#events.tell('registered');
  }

  async stop() {
    await this.#registerer.unregister();
    await this.#agent.stop();
  }

  async call(target) {
    const uri = UserAgent.makeURI(`sip:${target}@${this.#domain}`);
    const inviter = new Inviter(this.#agent, uri, { earlyMedia: true });
    this.#adopt(inviter);
    const requestDelegate = {
      onProgress: ({ message }) => this.#events.tell('progress', { status: message.statusCode }),
      onReject: ({ message }) => this.#events.tell('rejected', { status: message.statusCode }),
    };
    await inviter.invite({ requestDelegate });
  }

  async answer() { await this.#session.accept(); }

  /** Cancels, rejects or hangs up, as the state asks. */
  async hangup(status) {
    const session = this.#session;
    if (session.state === SessionState.Established) await session.bye();
    else if (session instanceof Inviter) await session.cancel();
    else await session.reject({ statusCode: status ?? 480 });
  }

  async transfer(target) { await this.#refer(this.#session, UserAgent.makeURI(`sip:${target}@${this.#domain}`)); }

  hold() { return this.#reinvite(true); }

  resume() { return this.#reinvite(false); }

  async #reinvite(hold) {
    const session = this.#session;
    session.sessionDescriptionHandlerOptionsReInvite = { hold };
    await new Promise((onAccept, onReject) => { session.invite({ requestDelegate: { onAccept, onReject } }); });
    // SIP.js leaves it to the page to be silent.
    session.sessionDescriptionHandler.enableSenderTracks(!hold);
  }

  /** Calls somebody else while the call is on hold. */
  async consult(target) {
    await this.hold();
    this.#first = this.#session;
    await this.call(target);
  }

  /** The other side of the first call goes on with that of the second. */
  async join() { await this.#refer(this.#first, this.#session); }

  async #refer(session, to) {
    const tell = (kind, status) => this.#events.tell(kind, { status });
    const onNotify = async (notification) => {
      await notification.accept();
      tell('transfer', Number(notification.request.body.split(' ')[1]));
    };
    const requestDelegate = { onReject: ({ message }) => tell('transfer refused', message.statusCode) };
    await session.refer(to, { onNotify, requestDelegate });
  }

  /** Writes to somebody, out of any call. */
  async write(target, text) {
    const uri = UserAgent.makeURI(`sip:${target}@${this.#domain}`);
    await new Messager(this.#agent, uri, text).message({ requestDelegate: this.#answered('message answered') });
  }

  /** Writes to the other end of the call. */
  async writeInCall(text) {
    const requestOptions = { body: { contentDisposition: 'render', contentType: 'text/plain', content: text } };
    await this.#session.message({ requestDelegate: this.#answered('message answered'), requestOptions });
  }

  /** Watches somebody. */
  async watch(target, event) {
    const uri = UserAgent.makeURI(`sip:${target}@${this.#domain}`);
    this.#watch = new Subscriber(this.#agent, uri, event, { expires: 300 });
    this.#watch.delegate = {
      onNotify: async (notification) => {
        await notification.accept();
        const { request } = notification;
        this.#events.tell('notified', { body: request.body, state: request.getHeader('Subscription-State') });
      },
    };
    this.#watch.stateChange.addListener((state) => {
      if (state === SubscriptionState.Terminated) this.#events.tell('watch ended');
    });
    await this.#watch.subscribe();
  }

  async unwatch() { await this.#watch.unsubscribe(); }

  async sendInfo(type, content) { await this.#info(type, content, this.#answered('info answered')); }

  async #info(contentType, content, requestDelegate) {
    const requestOptions = { body: { contentDisposition: 'render', contentType, content } };
    await this.#session.info({ requestDelegate, requestOptions });
  }

  /** `how` is 'INFO' or 'RFC2833'. */
  async sendDigits(digits, how, duration) {
    if (how === 'RFC2833') return this.#pressInMedia(digits, duration);
    for (const tone of digits) {
      await new Promise((onAccept, onReject) => {
        this.#info(DTMF_RELAY, `Signal=${tone}\r\nDuration=${duration}\r\n`, { onAccept, onReject });
      });
      this.#events.tell('digit signalled', { digit: tone, duration });
    }
  }

  async #pressInMedia(digits, duration) {
    const handler = this.#session.sessionDescriptionHandler;
    // A sender takes digits only once its transport is up.
    const { dtmf } = handler.peerConnection.getSenders()[0];
    while (!dtmf.canInsertDTMF) await new Promise((resolve) => setTimeout(resolve, 20));
    handler.sendDtmf(digits, { duration, interToneGap: 100 });
  }

  #answered(kind) {
    const told = ({ message }) => this.#events.tell(kind, { status: message.statusCode });
    return { onAccept: told, onReject: told };
  }

  #tellMessage(kind, { request }) {
    this.#events.tell(kind, { from: request.from.uri.user, text: request.body });
  }

  /** SIP.js leaves it to the page to read what is pressed. */
  #tellDigit(body) {
    const { Signal: digit, Duration: duration } = Object.fromEntries(body.trim().split('\r\n').map((line) => line.split('=')));
    this.#events.tell('digit', { digit, duration: Number(duration) });
  }

  #adopt(session) {
    this.#session = session;
    session.delegate = {
      onMessage: async (message) => {
        await message.accept();
        this.#tellMessage('message in call', message);
      },
      onInfo: async (info) => {
        await info.accept();
        const [type, body] = [info.request.getHeader('Content-Type'), info.request.body];
        if (type === DTMF_RELAY) this.#tellDigit(body);
        else this.#events.tell('info', { type, body });
      },
    };
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) this.#events.tell('accepted');
      if (state === SessionState.Terminated) this.#events.tell('ended');
    });
  }
}
