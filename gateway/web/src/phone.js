// One SIP line and its call.
//
//   idle --dial--> calling --180/183--> ringing --2xx--> talking --BYE--> idle
//     \--INVITE--> incoming --accept--> answering --ACK-----^
//
// Any state goes to idle when the call ends. JsSIP's own session carries hold and mute.

import JsSIP from 'jssip';

const { causes } = JsSIP.C;

/** An EventTarget; tells `line` (of the registration), `state` (of the call), `remote` (its audio). */
export class Phone extends EventTarget {
  constructor({ user, password, host, socket }) {
    super();
    this.user = user;
    this.host = host;
    this.state = 'idle';
    this.session = null;
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(socket)],
      uri: new JsSIP.URI('sip', user, host).toString(),
      password,
      user_agent: 'Webtrunk test phone',
      register_expires: 120,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 10,
    });
    const line = (state, text, isRefused = false) => this.#tell('line', { state, text, isRefused });
    this.ua.on('connecting', () => line('offline', 'Connecting'));
    this.ua.on('disconnected', () => line('failed', 'The gateway cannot be reached'));
    this.ua.on('registered', () => line('registered', 'Ready'));
    this.ua.on('registrationFailed', ({ cause }) => line('failed', `Not registered: ${cause}`, cause === causes.AUTHENTICATION_ERROR));
    this.ua.on('newRTCSession', ({ originator, session }) => this.#adopt(originator, session));
  }

  start() { this.ua.start(); }

  stop() { this.ua.stop(); }

  /** Calls a number or a user, or who an address names. `audio` are the constraints of the microphone. */
  dial(target, audio) {
    if (this.state !== 'idle') return;
    const uri = new JsSIP.URI('sip', userOf(target), this.host).toString();
    this.ua.call(uri, { mediaConstraints: { audio, video: false }, pcConfig: { iceServers: [] } });
  }

  accept(audio) {
    if (this.state !== 'incoming') return;
    this.#become('answering');
    this.session.answer({ mediaConstraints: { audio, video: false }, pcConfig: { iceServers: [] } });
  }

  /** Hangs up, cancels or rejects, as the state asks. */
  hangup() {
    if (this.state === 'idle') return;
    if (this.state === 'incoming') this.session.terminate({ status_code: 486, reason_phrase: 'Busy Here' });
    else this.session.terminate();
  }

  sendDigit(digit) {
    if (this.state !== 'talking') return;
    this.session.sendDTMF(digit, { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833 });
  }

  get isMuted() { return this.state === 'talking' && this.session.isMuted().audio; }

  get isHeld() { return this.state === 'talking' && this.session.isOnHold().local; }

  setMuted(muted) {
    if (this.state !== 'talking') return;
    if (muted) this.session.mute({ audio: true });
    else this.session.unmute({ audio: true });
    this.#become('talking');
  }

  setHeld(held) {
    if (this.state !== 'talking') return;
    const done = () => this.#become('talking');
    if (held) this.session.hold({}, done);
    else this.session.unhold({}, done);
  }

  /** Takes a new session as this line's call; a second call in finds the line busy. */
  #adopt(originator, session) {
    if (this.state !== 'idle') {
      if (originator === 'remote') session.terminate({ status_code: 486, reason_phrase: 'Busy Here' });
      return;
    }
    this.session = session;
    const on = (event, handle) => session.on(event, (data) => this.session === session && handle(data));
    on('peerconnection', ({ peerconnection }) => this.#listen(peerconnection));
    on('progress', ({ originator: by }) => by === 'remote' && this.#become('ringing'));
    for (const event of ['accepted', 'hold', 'unhold']) on(event, () => this.#become('talking'));
    for (const event of ['ended', 'failed']) on(event, (end) => this.#become('idle', reason(end, session)));
    if (session.connection) this.#listen(session.connection);
    this.#become(originator === 'remote' ? 'incoming' : 'calling');
  }

  #listen(connection) {
    boundGathering(connection);
    connection.addEventListener('track', ({ track, streams }) => {
      this.#tell('remote', { stream: streams[0] ?? new MediaStream([track]) });
    });
  }

  #become(state, why = '') {
    if (state === 'talking' && this.session.isEnded()) return;
    this.state = state;
    this.#tell('state', { state, why });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * How long a browser may look for addresses of its own, in ms. Chosen by us: it has those that count by
 * then. On a machine without a network Chromium looks for ever, and the gateway does without (ICE lite).
 */
const GATHERING_MS = 1500;

/** Lets JsSIP, which waits for the last candidate, go on with those that there are. */
function boundGathering(connection) {
  connection.addEventListener('icegatheringstatechange', () => {
    if (connection.iceGatheringState !== 'gathering') return;
    setTimeout(() => {
      // An event without a candidate says that there are no more.
      if (connection.iceGatheringState === 'gathering') connection.dispatchEvent(new Event('icecandidate'));
    }, GATHERING_MS);
  });
}

/** What refusals mean here; docs/ADAPTERS.md has what they come from. */
const REFUSALS = {
  403: 'This call is not allowed',
  404: 'No such number',
  480: 'Nobody answers there',
  486: 'Busy',
  488: 'No codec or encryption in common',
  500: 'The gateway failed',
  502: 'The other side cannot be reached',
  503: 'The gateway has no room for this call',
  504: 'The call is silent',
  603: 'Declined',
};

/** A CANCEL that says 200 was sent because another phone has the call (RFC 3326 3.1). */
const ELSEWHERE = 'SIP 200';

/** Why the gateway ended a call that was answered, by the Reason of its BYE. */
const FAILURES = {
  'SIP 408': 'The connection of the other side broke',
  'SIP 488': 'No sound could be sent: no path',
  'SIP 503': 'The gateway goes down',
  'Q.850 41': 'No sound came any more',
};

/** Why a call ended, in a few words; `remote` and `local` say who ended it. */
const REASONS = {
  [causes.BYE]: { remote: 'The other side hung up', local: 'You hung up' },
  [causes.CANCELED]: { remote: 'The caller gave up', local: 'You gave up' },
  [causes.REJECTED]: { local: 'You rejected the call' },
  [causes.USER_DENIED_MEDIA_ACCESS]: { local: 'The browser gave no microphone' },
};

function reason({ originator, message, cause }, session) {
  const said = reasonOf(message);
  if (cause === causes.CANCELED && said === ELSEWHERE) return 'Answered elsewhere';
  if (cause === causes.BYE && originator === 'remote' && FAILURES[said]) return FAILURES[said];
  // Of all that 480 stands for, this one can be helped.
  if (message?.status_code === 480 && said === 'Q.850 20') return `${session.remote_identity.uri.user} is not signed in`;
  const known = REASONS[cause]?.[originator] ?? REFUSALS[message?.status_code];
  const status = message?.status_code ? ` (${message.status_code} ${message.reason_phrase})` : '';
  return known ?? `${cause}${status}`;
}

/** Protocol and cause of a message's Reason (RFC 3326): `Q.850 16`. */
function reasonOf(message) {
  const [, protocol, code] = /^\s*(SIP|Q\.850)\s*;.*?\bcause\s*=\s*(\d+)/i.exec(message?.getHeader?.('Reason') ?? '') ?? [];
  return protocol ? `${protocol.toUpperCase()} ${code}` : '';
}

/** Whom an address is of: `bob` of `sip:bob@example.org;transport=ws`. What is none stays as it is. */
export function userOf(target) {
  const [, user] = /^(?:sips?:)?([^@]+)@/i.exec(target) ?? /^sips?:([^@;?]+)/i.exec(target) ?? [null, target];
  return user;
}
