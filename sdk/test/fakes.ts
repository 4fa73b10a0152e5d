// A browser whose time stands still until a test moves it, and a gateway that says what a test wants.

import type { Environment } from '../src/environment.js';
import { Phone } from '../src/phone.js';
import type { PhoneOptions } from '../src/phone.js';

/** Lets all that is settled be done. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}

type Json = { [key: string]: any };

/** One WebSocket, and the gateway behind it. */
export class FakeSocket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  /** What the page sent, in order. */
  readonly sent: Json[] = [];
  isClosedByPage = false;
  /** Whether the network is gone without a word. */
  isDead = false;

  constructor(readonly url: string, readonly protocol: string) {}

  send(text: string): void {
    const request = JSON.parse(text);
    this.sent.push(request);
    if (request.method === 'ping' && !this.isDead) queueMicrotask(() => this.tell({ id: request.id, result: {} }));
  }

  close(): void { this.isClosedByPage = true; this.readyState = 3; }

  open(): void { this.readyState = 1; this.onopen?.(); }

  /** The connection breaks. */
  cut(): void { this.readyState = 3; this.onclose?.(); }

  tell(message: Json): void { this.onmessage?.({ data: JSON.stringify({ jsonrpc: '2.0', ...message }) }); }

  event(method: string, params: Json): void { this.tell({ method, params }); }

  /** The latest request of this method. */
  request(method: string): Json {
    const found = this.sent.findLast((it) => it.method === method);
    if (found === undefined) throw new Error(`no ${method} in ${JSON.stringify(this.sent)}`);
    return found;
  }

  count(method: string): number { return this.sent.filter((it) => it.method === method).length; }

  async answer(method: string, result: Json): Promise<void> {
    this.tell({ id: this.request(method).id, result });
    await settle();
  }

  async refuse(method: string, code: number, message = 'no', field?: string): Promise<void> {
    this.tell({ id: this.request(method).id, error: { code, message, ...(field && { data: { field } }) } });
    await settle();
  }
}

export class FakeTrack extends EventTarget {
  enabled = true;
  isStopped = false;
  constructor(readonly device: string) { super(); }
  stop(): void { this.isStopped = true; }
}

export class FakeStream {
  readonly track: FakeTrack;
  constructor(device = '') { this.track = new FakeTrack(device); }
  getAudioTracks(): FakeTrack[] { return [this.track]; }
  getTracks(): FakeTrack[] { return [this.track]; }
}

/** What plays a call. */
export class FakeAudio {
  srcObject: unknown = null;
  /** By which it is heard; empty for the usual one. */
  speaker = '';

  async play(): Promise<void> {}

  async setSinkId(speaker: string): Promise<void> { this.speaker = speaker; }
}

/** A peer connection, as far as signalling goes. */
export class FakeConnection {
  signalingState = 'stable';
  iceConnectionState = 'new';
  localDescription: Json | null = null;
  remoteDescription: Json | null = null;
  ontrack: ((event: Json) => void) | null = null;
  onicecandidate: ((event: Json) => void) | null = null;
  oniceconnectionstatechange: (() => void) | null = null;
  readonly transceivers: Json[] = [];
  readonly candidates: Json[] = [];
  #made = 0;
  #restarts = 0;

  /** Whether audio comes. */
  isHeard = true;
  #heard = 0;

  async getStats(): Promise<Map<string, Json>> {
    if (this.isHeard) this.#heard += 20;
    return new Map([['I', { type: 'inbound-rtp', packetsReceived: this.#heard }]]);
  }

  getTransceivers(): Json[] { return this.transceivers; }

  addTrack(track: FakeTrack): void {
    const sender: Json = { track, async replaceTrack(other: FakeTrack) { sender.track = other; } };
    const known = this.transceivers.find((it) => it.sender.track === null);
    if (known) known.sender = sender;
    else this.transceivers.push({ direction: 'sendrecv', sender });
  }

  restartIce(): void { this.#restarts += 1; }

  async createOffer(): Promise<Json> {
    this.#made += 1;
    return { type: 'offer', sdp: `offer ${this.#made} ${this.transceivers[0]?.direction} ice ${this.#restarts}` };
  }

  async createAnswer(): Promise<Json> { return { type: 'answer', sdp: 'answer' }; }

  async setLocalDescription(description: Json): Promise<void> {
    if (description.type !== 'rollback') this.localDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
  }

  async setRemoteDescription(description: Json): Promise<void> {
    if (description.type === 'answer' && this.signalingState !== 'have-local-offer') throw new Error('no offer waits');
    this.remoteDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
    if (description.type === 'offer') this.transceivers.push({ direction: 'recvonly', sender: { track: null } });
  }

  async addIceCandidate(candidate: Json): Promise<void> {
    if (candidate.candidate.includes(' tcp ')) throw new Error('no TCP here');
    this.candidates.push(candidate);
  }

  close(): void { this.signalingState = 'closed'; }

  ice(state: string): void {
    this.iceConnectionState = state;
    this.oniceconnectionstatechange?.();
  }
}

interface Task { at: number; run: () => void }

/** The browser of one tab. Its storage may be handed to the next page of the tab. */
export class FakeBrowser implements Environment {
  readonly sockets: FakeSocket[] = [];
  readonly connections: FakeConnection[] = [];
  readonly streams: FakeStream[] = [];
  readonly #watchers = new Map<string, Set<() => void>>();
  #tasks: Task[] = [];
  #now = 0;
  plugged: Json[] = [];
  readonly #devices = new EventTarget();

  constructor(readonly kept = new Map<string, string>()) {}

  readonly storage = {
    getItem: (key: string): string | null => this.kept.get(key) ?? null,
    setItem: (key: string, value: string): void => { this.kept.set(key, value); },
    removeItem: (key: string): void => { this.kept.delete(key); },
  };

  readonly devices = Object.assign(this.#devices, {
    enumerateDevices: async () => this.plugged,
    getUserMedia: async ({ audio }: Json) => {
      const stream = new FakeStream(audio.deviceId?.exact ?? '');
      this.streams.push(stream);
      return stream;
    },
  }) as unknown as MediaDevices;

  openSocket(url: string, protocol: string): WebSocket {
    this.sockets.push(new FakeSocket(url, protocol));
    return this.socket as unknown as WebSocket;
  }

  readonly configurations: RTCConfiguration[] = [];

  openConnection(configuration: RTCConfiguration): RTCPeerConnection {
    this.configurations.push(configuration);
    this.connections.push(new FakeConnection());
    return this.connection as unknown as RTCPeerConnection;
  }

  readonly audios: FakeAudio[] = [];

  openAudio(): HTMLAudioElement {
    const audio = new FakeAudio();
    this.audios.push(audio);
    return audio as unknown as HTMLAudioElement;
  }

  random(): number { return 0; }

  after(milliseconds: number, run: () => void): () => void {
    const task = { at: this.#now + milliseconds, run };
    this.#tasks.push(task);
    return () => { this.#tasks = this.#tasks.filter((it) => it !== task); };
  }

  watch(event: string, task: () => void): () => void {
    const tasks = this.#watchers.get(event) ?? new Set();
    this.#watchers.set(event, tasks.add(task));
    return () => { tasks.delete(task); };
  }

  /** The window tells of something. */
  happen(event: string): void { this.#watchers.get(event)?.forEach((task) => task()); }

  /** Devices are these from now on. */
  async plug(...devices: Json[]): Promise<void> {
    this.plugged = devices;
    this.#devices.dispatchEvent(new Event('devicechange'));
    await settle();
  }

  async pass(milliseconds: number): Promise<void> {
    await settle();
    const until = this.#now + milliseconds;
    for (;;) {
      const [next] = this.#tasks.filter((it) => it.at <= until).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.#now = next.at;
      this.#tasks = this.#tasks.filter((it) => it !== next);
      next.run();
      await settle();
    }
    this.#now = until;
    await settle();
  }

  /** The latest of each. */
  get socket(): FakeSocket { return this.sockets.at(-1) as FakeSocket; }
  get connection(): FakeConnection { return this.connections.at(-1) as FakeConnection; }
  get stream(): FakeStream { return this.streams.at(-1) as FakeStream; }
}

export const URL = 'wss://phone.example/api/v1';
export const PROOF = { kind: 'token', token: 'of the server' } as const;

/** A phone in a browser that has not connected. */
export function page(browser = new FakeBrowser(), options: Partial<PhoneOptions> = {}): { browser: FakeBrowser; phone: Phone } {
  return { browser, phone: new Phone({ url: URL, proof: PROOF, ...options }, browser) };
}

/** The answer to `connect`. */
export const BEGUN = { session: 's', user: 'alice', resumeToken: 'first', resumeS: 60 };

/** The answer to `resume`. */
export const resumed = (resumeToken: string, calls: Json[] = [], eventsLost = false): Json =>
  ({ session: 's', user: 'alice', resumeToken, resumeS: 60, eventsLost, calls });

/** A phone that is connected. */
export async function connected(options: Partial<PhoneOptions> = {}): Promise<{ browser: FakeBrowser; phone: Phone }> {
  const { browser, phone } = page(new FakeBrowser(), options);
  const isThere = phone.connect();
  browser.socket.open();
  await settle();
  await browser.socket.answer('connect', BEGUN);
  browser.socket.event('registration', { seq: 1, state: 'registered' });
  await isThere;
  return { browser, phone };
}

/** The connection is lost, and another is open. */
export async function reconnect(browser: FakeBrowser): Promise<FakeSocket> {
  browser.socket.cut();
  await browser.pass(5_000);
  browser.socket.open();
  await settle();
  return browser.socket;
}
