// One connection to the gateway: JSON-RPC 2.0 over a WebSocket, and whether it is alive.

import type { Cancel, Environment } from './environment.js';
import { WebtrunkError, connectionLost } from './fault.js';
import type { Connected, Done, Events, Methods, Placed, Report, Resumed, Sdp, Statistics } from './protocol.js';

const SUBPROTOCOL = 'webtrunk.v1.json';

/** How often the gateway is asked whether it is there, and how long it may take to say so, in ms. Chosen by us: a middlebox
 * forgets a silent connection after a minute, and nobody waits longer for an answer. */
const PING_MS = 15_000;
const PONG_MS = 5_000;

/** The same where the network may have changed: a dead connection looks alive. One that was slow and not dead comes back
 * elsewhere at no cost. */
const PROBE_MS = 1_000;

/** What comes of each method. */
interface Results {
  connect: Connected;
  resume: Resumed;
  disconnect: Done;
  call: Placed;
  answer: Done;
  reject: Done;
  hangup: Done;
  hold: Sdp;
  resumeMedia: Sdp;
  update: Sdp;
  rejoin: Sdp;
  mute: Done;
  candidate: Done;
  sendDtmf: Done;
  transfer: Done;
  merge: Done;
  supervise: Placed;
  setMode: Done;
  watch: Done;
  report: Report;
  record: Done;
  statistics: Statistics;
  message: Done;
  ping: Done;
}

/** What comes of a method. */
export type Result<Method extends keyof Methods> = Results[Method];

/** An event, and its number in its session; 0 of one that this connection alone is told. */
export type GatewayEvent = { [Name in keyof Events]: { method: Name; params: Events[Name] & { seq: number } } }[keyof Events];

/** Who is told what comes. */
export interface SocketListener {
  /** Requests can be sent. */
  onOpen(): void;
  onEvent(event: GatewayEvent): void;
  /** Nothing comes any more. Once. */
  onClosed(): void;
  /** The number of the last event that was seen. */
  lastSeen(): number;
}

/** A connection. */
export class Socket {
  readonly #environment: Environment;
  readonly #listener: SocketListener;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (fault: WebtrunkError) => void }>();
  #lastId = 0;
  #isClosed = false;
  #cancelPing: Cancel = () => {};
  #cancelDeadline: Cancel | null = null;

  constructor(environment: Environment, url: string, listener: SocketListener) {
    this.#environment = environment;
    this.#listener = listener;
    this.#socket = environment.openSocket(url, SUBPROTOCOL);
    this.#socket.onopen = () => {
      this.#pingLater();
      listener.onOpen();
    };
    this.#socket.onmessage = ({ data }) => this.#read(data);
    this.#socket.onclose = () => this.close();
  }

  /** Asks for something. */
  request<Method extends keyof Methods>(method: Method, params: Methods[Method]): Promise<Result<Method>> {
    if (this.#isClosed) return Promise.reject(connectionLost());
    this.#lastId += 1;
    const id = this.#lastId;
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** The network may have changed: the gateway has to say soon that it is there. */
  probe(): void {
    if (this.#socket.readyState === 1) this.#ping(PROBE_MS);
  }

  /** Ends it; those who wait for answers get none. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelPing();
    this.#cancelDeadline?.();
    // A WebSocket whose network is gone takes a minute to close.
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    waiting.forEach(({ reject }) => reject(connectionLost()));
    this.#listener.onClosed();
  }

  #pingLater(): void {
    this.#cancelPing();
    this.#cancelPing = this.#environment.after(PING_MS, () => this.#ping(PONG_MS));
  }

  #ping(patience: number): void {
    this.#pingLater();
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#environment.after(patience, () => this.close());
    const lastSeen = this.#listener.lastSeen();
    // A refusal is a sign of life too, and a loss is told by onClosed.
    this.request('ping', { lastSeen }).catch(() => {});
  }

  #read(data: unknown): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = null;
    const message = JSON.parse(String(data));
    if (message.method !== undefined) return this.#listener.onEvent(message);
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) return waiting?.resolve(message.result as never);
    const { code, message: text, data: where } = message.error;
    waiting?.reject(new WebtrunkError(code, text, where?.field));
  }
}
