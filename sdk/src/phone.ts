// A phone in a page: one session, and its calls.

import { Call } from './call.js';
import type { Exchange } from './call.js';
import { Devices } from './devices.js';
import type { OpenMicrophone } from './devices.js';
import { Emitter } from './emitter.js';
import { browser } from './environment.js';
import type { Cancel, Environment } from './environment.js';
import { WebtrunkError, isFault } from './fault.js';
import { Media } from './media.js';
import type { Facts, KeptCall, KeptCalls } from './memory.js';
import type { Ended, KnownCall, Message2, Mode, Presence, Registration, Report } from './protocol.js';
import { Session } from './session.js';
import type { SessionOptions, SessionState } from './session.js';
import type { GatewayEvent } from './socket.js';

/** What a phone is made of. */
export interface PhoneOptions extends SessionOptions {
  /** STUN and TURN servers, where the gateway cannot be reached straight. */
  iceServers?: RTCIceServer[];
  /** Whether the SDK plays what is heard; it does where nothing is said. */
  plays?: boolean;
  /** Gets the stream of one call's microphone; the browser's own where nothing is said. */
  microphone?: OpenMicrophone;
}

/** What happens to a phone. */
export interface PhoneEvents {
  /** The gateway is there, or not for the moment. */
  state: SessionState;
  /** Somebody calls. */
  incoming: Call;
  /** The page was reloaded, and has this call still. The SDK joins it again by itself. */
  restored: Call;
  /** The page can be called; of one whose token brought an account, how that stands at its provider, and whenever that changes. */
  registration: Registration;
  /** A user that is watched does something else, or does so when it begins to be watched. */
  presence: Presence;
  /** Somebody wrote. */
  message: Message2;
  /** Another page has taken the session. */
  replaced: void;
  /** Something failed that nobody asked for. */
  fault: WebtrunkError;
}

/** How a call is placed. */
export interface CallOptions {
  /** What the callee is told besides, by its names: headers that the gateway lets pages say (`json.headers_allow`). */
  headers?: { [name: string]: string };
}

/** A call that the gateway has not told the name of. */
interface Placing {
  call: Call;
  to: string;
}

/** Asks the gateway for a call: its name. */
type Ask = (to: string, sdp: string) => Promise<{ callId: string }>;

/** A phone. */
export class Phone extends Emitter<PhoneEvents> {
  /** Microphones and speakers. */
  readonly devices: Devices;
  readonly #environment: Environment;
  readonly #options: PhoneOptions;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #calls = new Map<string, Call>();
  readonly #placing = new Set<Placing>();
  #cancelOnline: Cancel | null = null;
  #watched: string[] = [];

  /** `environment` is another than the browser's in tests alone. */
  constructor(options: PhoneOptions, environment: Environment = browser()) {
    super();
    this.#environment = environment;
    this.#options = options;
    this.#session = new Session(environment, options, {
      onState: (state) => this.#onState(state),
      onEvent: (event) => this.#onEvent(event),
      onBegun: () => this.#onBegun(),
      onResumed: (calls, isLost, kept) => this.#onResumed(calls, isLost, kept),
      onReplaced: () => this.emit('replaced', undefined),
      calls: () => Object.fromEntries([...this.#calls].map(([id, call]) => [id, { ...call.facts, isHeld: call.isHeld }])),
    });
    this.#exchange = { environment, session: this.#session, openMedia: (call) => this.#openMedia(call) };
    this.devices = new Devices(environment, options.microphone, {
      onMicrophone: () => this.calls.forEach((call) => { this.#quietly(this.#changeMicrophone(call)); }),
      onSpeaker: () => this.calls.forEach((call) => { this.#quietly(call.playBy(this.devices.speaker)); }),
    });
  }

  /** Whether the gateway is there. */
  get state(): SessionState {
    return this.#session.state;
  }

  /** Who the page is to others; empty before it is connected. */
  get user(): string {
    return this.#session.user;
  }

  /** The calls that there are. */
  get calls(): Call[] {
    return [...this.#calls.values()];
  }

  /** Connects, and stays so: a connection that is lost comes back by itself, and so do the calls of a page that was reloaded.
   * Resolves when the gateway is there; rejects where it refuses the proof. */
  async connect(): Promise<void> {
    this.#cancelOnline ??= this.#environment.watch('online', () => this.calls.forEach((call) => call.onNetwork(true)));
    await this.#session.open();
  }

  /** Hangs up, and ends the session. */
  async disconnect(): Promise<void> {
    await this.#session.close();
  }

  /** Calls a number or user. Resolves when the call is on its way; what becomes of it, the call tells. */
  async call(to: string, options: CallOptions = {}): Promise<Call> {
    return this.#begin(to, (whom, sdp) => this.#session.request('call', { to: whom, sdp, ...options }));
  }

  /** Is in the call that a user talks in, as its supervisor. */
  async supervise(user: string, mode: Mode): Promise<Call> {
    return this.#begin(user, (whom, sdp) => this.#session.request('supervise', { user: whom, mode, sdp }));
  }

  /** Tells by `presence` what these users do from now on, and no others. */
  async watch(users: string[]): Promise<void> {
    await this.#session.request('watch', { users });
    this.#watched = users;
  }

  /** What may be of use to whoever looks for a fault. */
  async report(): Promise<Report> {
    return this.#session.insist('report', {});
  }

  async #begin(to: string, ask: Ask): Promise<Call> {
    const facts: Facts = { direction: 'outgoing', peer: to, displayName: '', headers: {}, diversions: [], transferredBy: null };
    const call = new Call(this.#exchange, '', 'calling', facts, null);
    const placing = { call, to };
    try {
      const sdp = await call.begin();
      this.#placing.add(placing);
      await this.#place(call, () => ask(to, sdp));
    } catch (fault) {
      call.finish(ended('', 'notPlaced', 'The call was not placed.', 41));
      throw fault;
    } finally {
      this.#placing.delete(placing);
    }
    return call;
  }

  /** Writes to somebody, out of any call. */
  async write(to: string, text: string): Promise<void> {
    await this.#session.request('message', { to, text });
  }

  /** A call whose request got no answer is asked for again, unless the gateway turns out to have it. */
  async #place(call: Call, ask: () => Promise<{ callId: string }>): Promise<void> {
    while (call.id === '') {
      await this.#session.connected();
      if (call.id !== '') return;
      try {
        const { callId } = await ask();
        this.#adopt(callId, call);
      } catch (fault) {
        if (!isFault(fault, 'connectionLost')) throw fault;
      }
    }
  }

  #adopt(id: string, call: Call): void {
    call.name(id);
    this.#calls.set(id, call);
    call.on('ended', () => this.#calls.delete(id));
  }

  /** Another session is there: what the one before had is gone. */
  #onBegun(): void {
    this.#dropCalls('signallingLost', 'The page was gone for too long.', 27);
    if (this.#watched.length > 0) this.#quietly(this.watch(this.#watched));
  }

  #onState(state: SessionState): void {
    if (state === 'closed') {
      this.#cancelOnline?.();
      this.#cancelOnline = null;
      this.#dropCalls('hangup', 'The session is over.', 16);
    }
    this.emit('state', state);
  }

  #onEvent(event: GatewayEvent): void {
    if (event.method === 'message') return this.emit('message', event.params);
    if (event.method === 'presence') return this.emit('presence', event.params);
    if (event.method === 'registration') return this.emit('registration', event.params);
    if (event.method === 'replacedSession') return;
    const { callId } = event.params;
    if (event.method === 'incoming' && !this.#calls.has(callId)) {
      const { from, displayName, headers, diversions, transferredBy, sdp } = event.params;
      const told = { displayName, headers: headers ?? {}, diversions: diversions ?? [], transferredBy: transferredBy ?? null };
      this.#comeIn(callId, { direction: 'incoming', peer: from, ...told }, sdp);
    }
    this.#calls.get(callId)?.handle(event);
  }

  #comeIn(callId: string, facts: Facts, sdp: string): void {
    const call = new Call(this.#exchange, callId, 'incoming', facts, sdp);
    this.#adopt(callId, call);
    this.emit('incoming', call);
  }

  #onResumed(known: KnownCall[], isLost: boolean, kept: KeptCalls): void {
    const isThere = new Set(known.map(({ callId }) => callId));
    for (const call of isLost ? this.calls : []) {
      if (!isThere.has(call.id)) call.finish(ended(call.id, 'unknown', 'The call is over, and why was not told.', 31));
    }
    for (const it of known) {
      const own = this.#calls.get(it.callId);
      if (own === undefined) this.#restore(it, isLost, kept[it.callId]);
      else if (isLost && it.state === 'connected') own.handle({ method: 'connected', params: { callId: it.callId, seq: 0 } });
    }
    // Those that were there before the connection was lost may have lost their path with it.
    this.calls.filter((call) => call.connection !== null).forEach((call) => call.onNetwork(false));
  }

  /** A call that this page knows nothing of yet. */
  #restore({ callId, peer, state, sdp }: KnownCall, isLost: boolean, known: KeptCall | undefined): void {
    const placing = [...this.#placing].find((it) => it.to === peer && it.call.id === '');
    if (placing !== undefined && state !== 'incoming') {
      this.#placing.delete(placing);
      return this.#adopt(callId, placing.call);
    }
    // The event that tells of it follows, and says more.
    if (state === 'incoming' && known === undefined && !isLost) return;
    const direction = state === 'incoming' ? 'incoming' : 'outgoing';
    const kept: KeptCall = known ?? { direction, peer, displayName: '', headers: {}, diversions: [], transferredBy: null };
    const { isHeld = false, ...facts } = kept;
    if (state === 'incoming') return this.#comeIn(callId, facts, sdp ?? '');
    const call = new Call(this.#exchange, callId, state, facts, null);
    this.#adopt(callId, call);
    // What is wished of it from now on comes behind that.
    if (state === 'connected') this.#quietly(call.rejoin(isHeld));
    this.emit('restored', call);
  }

  async #openMedia(call: Call): Promise<Media> {
    const microphone = await this.devices.openMicrophone();
    const { iceServers = [], plays = true } = this.#options;
    const all = [...iceServers, ...this.#session.iceServers];
    const media = new Media(this.#environment, { iceServers: all }, microphone, plays, call.mediaListener);
    if (this.devices.speaker !== '') await media.playBy(this.devices.speaker);
    return media;
  }

  async #changeMicrophone(call: Call): Promise<void> {
    if (call.connection !== null) await call.speakBy(await this.devices.openMicrophone());
  }

  #dropCalls(cause: string, text: string, q850: number): void {
    this.calls.forEach((call) => call.finish(ended(call.id, cause, text, q850)));
  }

  #quietly(work: Promise<void>): void {
    work.catch((fault) => this.emit('fault', fault instanceof WebtrunkError ? fault : new WebtrunkError(-32603, String(fault))));
  }
}

function ended(callId: string, cause: string, text: string, q850: number): Ended {
  return { callId, cause, text, q850, sipStatus: 0 };
}
