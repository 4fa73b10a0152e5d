// A session over all its connections: it connects, comes back by its resume token, and tells each event once.
//
//   idle -- open --> connecting -- connect or resume is answered --> connected
//                      ^  |                                             |
//                      |  `-- refused: closed                           | the connection is lost
//                      `------------------- waiting <-------------------'
//
// close, or another page that took the session, ends it from anywhere: closed.

import { backoffMs } from './backoff.js';
import type { Cancel, Environment } from './environment.js';
import { WebtrunkError, connectionLost, isFault } from './fault.js';
import { Memory } from './memory.js';
import type { Kept, KeptCalls } from './memory.js';
import type { IceServer, KnownCall, Methods, Proof } from './protocol.js';
import { Socket } from './socket.js';
import type { GatewayEvent, Result } from './socket.js';

/** How long a connection lasts until the next loss is one by itself, in ms. Chosen by us: who is thrown out at once comes
 * back ever more slowly. */
const STEADY_MS = 5_000;

/** Whether the gateway is there. */
export type SessionState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed';

/** What a session is made of. */
export interface SessionOptions {
  /** Where the gateway is: `wss://phone.example/api/v1`. */
  url: string;
  /** What proves who the page is, or what gets it: it is asked anew for each session. */
  proof: Proof | (() => Proof | Promise<Proof>);
  /** The name that is shown with the page's calls, where the proof says none. */
  displayName?: string;
}

/** Who is told what happens to a session. */
export interface SessionListener {
  onState(state: SessionState): void;
  onEvent(event: GatewayEvent): void;
  /** Another session began: calls of the one before are over. */
  onBegun(): void;
  /** The session goes on, with these calls. What was missed follows, unless some of it is lost. */
  onResumed(calls: KnownCall[], isLost: boolean, kept: KeptCalls): void;
  /** Another page has the session now. */
  onReplaced(): void;
  /** What is to be known of the calls after a reload. */
  calls(): KeptCalls;
}

/** A session. */
export class Session {
  readonly #environment: Environment;
  readonly #options: SessionOptions;
  readonly #listener: SessionListener;
  readonly #memory: Memory;
  readonly #watches: Cancel[] = [];
  #state: SessionState = 'idle';
  #socket: Socket | null = null;
  #user = '';
  #iceServers: IceServer[] = [];
  #token: string | null = null;
  #lastSeen = 0;
  #calls: KeptCalls = {};
  #failures = 0;
  #cancelRetry: Cancel | null = null;
  #cancelSteady: Cancel | null = null;
  #settled: { resolve: () => void; reject: (fault: WebtrunkError) => void; promise: Promise<void> };

  constructor(environment: Environment, options: SessionOptions, listener: SessionListener) {
    this.#environment = environment;
    this.#options = options;
    this.#listener = listener;
    this.#memory = new Memory(environment, options.url);
    this.#settled = promise();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** STUN and TURN servers that the gateway told of, with passwords that last for a while. */
  get iceServers(): RTCIceServer[] {
    const text = (it: string | null | undefined, key: string) => (typeof it === 'string' ? { [key]: it } : {});
    return this.#iceServers.map(({ urls, username, credential }) =>
      ({ urls, ...text(username, 'username'), ...text(credential, 'credential') }));
  }

  /** Who the page is to others; empty before it is connected. */
  get user(): string {
    return this.#user;
  }

  /** Connects, and stays so. Resolves when it is; rejects where the gateway refuses it. */
  open(): Promise<void> {
    if (this.#state === 'closed') this.#settled = promise();
    if (this.#state === 'idle' || this.#state === 'closed') {
      const environment = this.#environment;
      this.#watches.push(
        environment.watch('online', () => this.#onOnline()),
        environment.watch('pagehide', () => this.#keep()),
        // A page that is shown again goes on by itself.
        environment.watch('pageshow', () => { this.#memory.take(); }),
      );
      this.#take(this.#memory.take());
      this.#connect();
    }
    return this.connected();
  }

  /** Resolves when the gateway is there, which may be now. */
  connected(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(new WebtrunkError(1001, 'the session is closed'));
    return this.#state === 'connected' ? Promise.resolve() : this.#settled.promise;
  }

  /** Asks the gateway for something, once. */
  request<Method extends keyof Methods>(method: Method, params: Methods[Method]): Promise<Result<Method>> {
    if (this.#state !== 'connected' || this.#socket === null) return Promise.reject(connectionLost());
    return this.#socket.request(method, params);
  }

  /** Asks until there is an answer: for what may be done twice. */
  async insist<Method extends keyof Methods>(method: Method, params: Methods[Method]): Promise<Result<Method>> {
    for (;;) {
      await this.connected();
      try {
        return await this.request(method, params);
      } catch (fault) {
        if (!isFault(fault, 'connectionLost')) throw fault;
      }
    }
  }

  /** The network may have changed: a dead connection is found out soon. */
  probe(): void {
    this.#socket?.probe();
  }

  /** Ends the session, and its calls with it. */
  async close(): Promise<void> {
    const isOver = this.#state === 'connected' ? this.request('disconnect', {}) : Promise.resolve();
    // Whoever is gone by then is disconnected as well.
    await isOver.catch(() => {});
    this.#end();
  }

  #take(kept: Kept | null): void {
    this.#token = kept?.token ?? null;
    this.#lastSeen = kept?.lastSeen ?? 0;
    this.#calls = kept?.calls ?? {};
  }

  #keep(): void {
    if (this.#token === null) return;
    this.#memory.keep({ token: this.#token, lastSeen: this.#lastSeen, calls: this.#listener.calls() });
  }

  #become(state: SessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listener.onState(state);
  }

  #connect(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#become('connecting');
    const socket = new Socket(this.#environment, this.#options.url, {
      onOpen: () => { void this.#enter(socket); },
      onEvent: (event) => this.#tell(event),
      onClosed: () => this.#onClosed(socket),
      lastSeen: () => this.#lastSeen,
    });
    this.#socket = socket;
  }

  /** Resumes the session that there was, or begins one. */
  async #enter(socket: Socket): Promise<void> {
    try {
      if (this.#token !== null && await this.#resume(socket, this.#token)) return;
      const { proof, displayName } = this.#options;
      const own = typeof proof === 'function' ? await proof() : proof;
      const params = displayName === undefined ? { proof: own } : { proof: own, displayName };
      const { user, resumeToken, iceServers = [] } = await socket.request('connect', params);
      this.#take({ token: resumeToken, lastSeen: 0, calls: {} });
      this.#user = user;
      this.#iceServers = iceServers;
      this.#listener.onBegun();
      this.#settle();
    } catch (fault) {
      if (this.#socket !== socket) return;
      // What the page's own server is late with, or the gateway, may be there the next time.
      if (isFault(fault, 'notAccepted', 'invalidParams', 'unknownMethod', 'invalidRequest')) this.#end(fault);
      else socket.close();
    }
  }

  /** False where the session is gone. */
  async #resume(socket: Socket, token: string): Promise<boolean> {
    try {
      const { user, resumeToken, calls, eventsLost, iceServers = [] } = await socket.request('resume', { token, lastSeen: this.#lastSeen });
      this.#token = resumeToken;
      this.#user = user;
      this.#iceServers = iceServers;
      const kept = this.#calls;
      this.#calls = {};
      this.#listener.onResumed(calls, eventsLost, kept);
      this.#settle();
      return true;
    } catch (fault) {
      if (!isFault(fault, 'gone')) throw fault;
      this.#take(null);
      return false;
    }
  }

  #settle(): void {
    this.#cancelSteady = this.#environment.after(STEADY_MS, () => { this.#failures = 0; });
    const { resolve } = this.#settled;
    this.#settled = promise();
    this.#become('connected');
    resolve();
  }

  #tell(event: GatewayEvent): void {
    const { seq } = event.params;
    if (seq !== 0 && seq <= this.#lastSeen) return;
    if (seq !== 0) this.#lastSeen = seq;
    if (event.method !== 'replacedSession') return this.#listener.onEvent(event);
    this.#end();
    this.#listener.onReplaced();
  }

  #onClosed(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#cancelSteady?.();
    this.#become('waiting');
    const wait = backoffMs(this.#failures, this.#environment.random());
    this.#failures += 1;
    this.#cancelRetry = this.#environment.after(wait, () => this.#connect());
  }

  /** The machine has a network again, or another. */
  #onOnline(): void {
    if (this.#state === 'waiting') this.#connect();
    else this.#socket?.probe();
  }

  #end(fault?: WebtrunkError): void {
    if (this.#state === 'closed') return;
    this.#watches.splice(0).forEach((cancel) => cancel());
    this.#cancelRetry?.();
    this.#cancelSteady?.();
    const socket = this.#socket;
    this.#socket = null;
    this.#take(null);
    this.#become('closed');
    socket?.close();
    this.#settled.reject(fault ?? new WebtrunkError(1001, 'the session is closed'));
  }
}

function promise(): { resolve: () => void; reject: (fault: WebtrunkError) => void; promise: Promise<void> } {
  let resolve = (): void => {};
  let reject = (_: WebtrunkError): void => {};
  const made = new Promise<void>((yes, no) => { resolve = yes; reject = no; });
  // Where nobody waits, nobody has to be told.
  made.catch(() => {});
  return { resolve, reject, promise: made };
}
