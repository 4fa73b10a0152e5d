// One call.
//
//   calling --> ringing --> connected --> ended
//   incoming -- answer --------^            ^
//      `------ reject, the caller gives up -'
//
// Every change of media is an offer of ours, one at a time; one whose connection is lost is made again when the session is back.

import { Emitter } from './emitter.js';
import type { Cancel, Environment } from './environment.js';
import { WebtrunkError, isFault } from './fault.js';
import { Media } from './media.js';
import type { Wish as OfferWish } from './media.js';
import type { Facts } from './memory.js';
import type { Dtmf, Ended, Mode, OneWay, Progress, Quality, Rejection, Speaker, Statistics, Wish } from './protocol.js';
import type { Session } from './session.js';
import type { GatewayEvent } from './socket.js';
import { summarise } from './statistics.js';
import type { BrowserStatistics } from './statistics.js';

/** How far a call is. */
export type CallState = 'calling' | 'ringing' | 'incoming' | 'connected' | 'ended';

/** What happens to a call. */
export interface CallEvents {
  /** It is further than it was. */
  state: CallState;
  /** Something can be heard before the answer. */
  earlyMedia: void;
  /** What is heard, which the SDK plays unless it was told not to. */
  stream: MediaStream;
  /** The other end holds it, or no more. */
  held: boolean;
  /** The other end pressed a key. */
  dtmf: Dtmf;
  /** How a transfer of ours goes. */
  transferProgress: Progress;
  /** Another speaks in its conference, or nobody any more. */
  speaker: Speaker;
  /** What is measured of it, every five seconds. */
  quality: Quality;
  /** One of the two has been heard for ten seconds and seems not to be heard itself. */
  oneWay: OneWay;
  /** The media has a path, or none for the moment. */
  path: boolean;
  /** It is over. */
  ended: Ended;
}

/** What a call needs of its phone. */
export interface Exchange {
  readonly environment: Environment;
  readonly session: Session;
  openMedia(call: Call): Promise<Media>;
}

/** How long ICE may be interrupted before a path is looked for anew, in ms. Chosen by us: a burst of loss ends by itself. */
const INTERRUPTED_MS = 1_500;

/** How long nothing may be heard after a lost connection until the path counts as lost too, in ms: 20 packets. */
const SILENT_MS = 400;

/** How long to wait where the gateway is busy with another change, in ms, and how often. Chosen by us. */
const BUSY_MS = 200;
const BUSY_TRIES = 15;

/** How long candidates are gathered for one message, in ms: a session has 50 requests a second. */
const CANDIDATES_MS = 100;

/** A call. */
export class Call extends Emitter<CallEvents> {
  /** Whom it is with. */
  readonly facts: Readonly<Facts>;
  readonly #exchange: Exchange;
  #id: string;
  #state: CallState;
  #offer: string | null;
  #media: Media | null = null;
  #ended: Ended | null = null;
  #isHeld = false;
  #isHeldByOther = false;
  #isMuted = false;
  /** The change of media that is under way: the next one waits for it. */
  #turn: Promise<unknown> = Promise.resolve();
  #isRestarting = false;
  #cancelRestart: Cancel | null = null;
  #cancelCandidates: Cancel | null = null;

  /** @internal `offer` is the gateway's, of a call that comes in. */
  constructor(exchange: Exchange, id: string, state: CallState, facts: Facts, offer: string | null) {
    super();
    this.#exchange = exchange;
    this.#id = id;
    this.#state = state;
    this.facts = facts;
    this.#offer = offer;
  }

  /** Its name at the gateway; empty until it has one. */
  get id(): string { return this.#id; }

  get state(): CallState { return this.#state; }

  /** Who calls, or what was dialled. */
  get peer(): string { return this.facts.peer; }

  /** Whether we hold it. */
  get isHeld(): boolean { return this.#isHeld; }

  /** Whether the other end holds it. */
  get isHeldByOther(): boolean { return this.#isHeldByOther; }

  get isMuted(): boolean { return this.#isMuted; }

  /** What is heard; null before there is anything. */
  get stream(): MediaStream | null { return this.#media?.stream ?? null; }

  /** Its peer connection, for what the SDK does not do; null before it has one. */
  get connection(): RTCPeerConnection | null { return this.#media?.connection ?? null; }

  /** Why it is over; null before it is. */
  get end(): Ended | null { return this.#ended; }

  /** Takes a call that comes in. */
  async answer(): Promise<void> {
    this.#require('incoming');
    const media = await this.#open();
    const sdp = await media.answer(this.#offer ?? '');
    await this.#exchange.session.insist('answer', { callId: this.#id, sdp }).catch((fault) => {
      // Taken at the first time, whose answer was lost.
      if (!isFault(fault, 'wrongState') || this.#state !== 'connected') throw fault;
    });
  }

  /** Refuses a call that comes in. */
  async reject(cause: Rejection = 'declined'): Promise<void> {
    this.#require('incoming');
    await this.#overAnyway(this.#exchange.session.insist('reject', { callId: this.#id, cause }));
  }

  /** Ends it, whatever its state. */
  async hangup(): Promise<void> {
    if (this.#state === 'ended') return;
    await this.#overAnyway(this.#exchange.session.insist('hangup', { callId: this.#id }));
  }

  /** Holds it: neither end hears the other. */
  async hold(): Promise<void> {
    await this.#change('hold', { isHeld: true });
    this.#isHeld = true;
  }

  /** Takes it back. */
  async resumeMedia(): Promise<void> {
    await this.#change('resumeMedia', { isHeld: false });
    this.#isHeld = false;
    this.#media?.silence(false);
  }

  /** Lets the other end hear nothing, or something again. */
  mute(isMuted = true): void {
    this.#isMuted = isMuted;
    this.#media?.mute(isMuted);
  }

  /** Presses keys: 1 to 32 of `0-9*#A-D`. */
  async sendDtmf(digits: string, durationMs = 100): Promise<void> {
    await this.#exchange.session.request('sendDtmf', { callId: this.#id, digits, durationMs });
  }

  /** Has another take our place: who is called, or the other party of another call. Resolves when that is so. */
  async transfer(to: string | Call): Promise<void> {
    const whom = to instanceof Call ? { withCall: to.id } : { to };
    const done = new Promise<void>((resolve, reject) => {
      const over = (): void => { offs.forEach((off) => off()); };
      const offs = [
        this.on('transferProgress', ({ step, cause }) => {
          if (step !== 'done' && step !== 'failed') return;
          over();
          if (step === 'done') resolve();
          else reject(new WebtrunkError(1011, `nobody took the call: ${cause ?? 'unknown'}`));
        }),
        this.on('ended', ({ text }) => { over(); reject(new WebtrunkError(1004, `the call ended first: ${text}`)); }),
      ];
    });
    done.catch(() => {});
    await this.#exchange.session.request('transfer', { callId: this.#id, ...whom });
    return done;
  }

  /** Has the other party of another call in this one too: all hear each other, and the other call ends. */
  async merge(other: Call): Promise<void> {
    await this.#exchange.session.request('merge', { callId: this.#id, withCall: other.id });
  }

  /** Changes what we are to the two whom we supervise. */
  async setMode(mode: Mode): Promise<void> {
    await this.#exchange.session.insist('setMode', { callId: this.#id, mode });
  }

  /** Starts, ends, pauses or resumes the recording, where the dial plan lets the page. */
  async record(wish: Wish): Promise<void> {
    await this.#exchange.session.request('record', { callId: this.#id, wish });
  }

  /** What is measured now, at both ends of the page's way to the gateway. */
  async statistics(): Promise<{ gateway: Statistics; browser: BrowserStatistics | null }> {
    const report = await this.#media?.connection.getStats();
    const gateway = await this.#exchange.session.insist('statistics', { callId: this.#id });
    return { gateway, browser: report ? summarise(report as never) : null };
  }

  /** How loud both ends are, in dB below full scale. */
  levels(): { spoken: number; heard: number } {
    return this.#media?.levels() ?? { spoken: -Infinity, heard: -Infinity };
  }

  /** Looks for a path of the media anew. The SDK does it by itself where it sees that it has to. */
  async restartIce(): Promise<void> {
    if (this.#state !== 'connected' || this.#isRestarting) return;
    this.#isRestarting = true;
    try {
      await this.#change('update', { restartsIce: true });
    } finally {
      this.#isRestarting = false;
    }
  }

  /** @internal Opens the media and makes the first offer. */
  async begin(): Promise<string> {
    return (await this.#open()).offer();
  }

  /** @internal The gateway has given it a name. */
  name(id: string): void {
    this.#id = id;
    // What was found before could not be told of a call without a name.
    if (this.#media?.fragment()) this.mediaListener.onCandidates();
  }

  /** @internal After a reload: new media for a call that goes on, which is held again where the page before held it. */
  rejoin(isHeld = false): Promise<void> {
    this.#isHeld = isHeld;
    return this.#inTurn(async () => {
      const media = await this.#open();
      // Whoever waits does not hear the page in between, nor where it cannot be held again.
      media.silence(isHeld);
      await this.#negotiate('rejoin', {});
      if (isHeld) await this.#negotiate('hold', { isHeld });
    });
  }

  /** @internal Its microphone or speaker is another. */
  async speakBy(microphone: MediaStream): Promise<void> { await this.#media?.speakBy(microphone); }

  /** @internal */
  async playBy(speaker: string): Promise<void> { await this.#media?.playBy(speaker); }

  /** @internal The session is back, or the machine has another network. */
  onNetwork(isCertain: boolean): void {
    const media = this.#media;
    if (media === null) return;
    const isWell = media.ice === 'connected' || media.ice === 'completed';
    if (isCertain || !isWell) this.#restart();
    else void this.#restartWhereSilent(media).catch(() => {});
  }

  /** @internal */
  handle(event: GatewayEvent): void {
    switch (event.method) {
      case 'ringing': return this.#become('ringing');
      case 'earlyMedia':
        // Told again after a reload, it answers an offer that is gone.
        if (this.#state !== 'calling' && this.#state !== 'ringing') return;
        return this.#onDescription(event.params.sdp, () => this.emit('earlyMedia', undefined));
      case 'connected': return this.#onConnected(event.params.sdp);
      case 'held': case 'resumed':
        this.#isHeldByOther = event.method === 'held';
        return this.emit('held', this.#isHeldByOther);
      case 'dtmf': return this.emit('dtmf', event.params);
      case 'transferProgress': return this.emit('transferProgress', event.params);
      case 'quality': return this.emit('quality', event.params);
      case 'speaker': return this.emit('speaker', event.params);
      case 'oneWay': return this.emit('oneWay', event.params);
      case 'candidates': return this.#onCandidates(event.params.fragment);
      case 'restartNeeded': return this.#restart();
      case 'ended': return this.finish(event.params);
      case 'trying': case 'incoming': case 'registration': case 'presence': case 'message': case 'replacedSession': return;
    }
  }

  /** @internal It is over. */
  finish(ended: Ended): void {
    if (this.#state === 'ended') return;
    this.#ended = ended;
    this.#cancelRestart?.();
    this.#cancelCandidates?.();
    this.#media?.close();
    this.#become('ended');
    this.emit('ended', ended);
  }

  #onConnected(sdp: string | null | undefined): void {
    const isAgain = this.#state === 'connected';
    this.#become('connected');
    if (isAgain) return;
    // One that was calling when its page was reloaded has no media yet.
    if (this.#media === null) void this.rejoin().catch(() => this.hangup());
    else this.#onDescription(sdp, () => {});
  }

  #onDescription(sdp: string | null | undefined, done: () => void): void {
    const media = this.#media;
    if (!sdp || media === null || this.#offer !== null) return done();
    this.#turn = this.#turn.then(() => media.accept(sdp)).then(done, () => this.hangup()).catch(() => {});
  }

  #onCandidates(fragment: string): void {
    const media = this.#media;
    // After what is being described; of a description that another has replaced they are of no use.
    if (media) this.#turn = this.#turn.then(() => media.acceptCandidates(fragment)).catch(() => {});
  }

  #become(state: CallState): void {
    if (this.#state === state || this.#state === 'ended') return;
    if (state === 'ringing' && this.#state !== 'calling') return;
    this.#state = state;
    this.emit('state', state);
  }

  #require(state: CallState): void {
    if (this.#state !== state) throw new WebtrunkError(1005, `the call is ${this.#state}, and not ${state}`);
  }

  async #overAnyway(request: Promise<unknown>): Promise<void> {
    await request.catch((fault) => {
      if (!isFault(fault, 'notFound', 'notConnected')) throw fault;
    });
  }

  async #open(): Promise<Media> {
    const media = await this.#exchange.openMedia(this);
    if (this.#state === 'ended') {
      media.close();
      throw new WebtrunkError(1004, 'the call is over');
    }
    this.#media?.close();
    this.#media = media;
    media.mute(this.#isMuted);
    return media;
  }

  /** @internal */
  readonly mediaListener = {
    onStream: (stream: MediaStream): void => this.emit('stream', stream),
    onIce: (state: RTCIceConnectionState): void => this.#onIce(state),
    onCandidates: (): void => {
      this.#cancelCandidates ??= this.#exchange.environment.after(CANDIDATES_MS, () => {
        this.#cancelCandidates = null;
        const fragment = this.#media?.fragment();
        if (!fragment || this.#id === '' || this.#state === 'ended') return;
        // The gateway finds us by our checks as well; a fragment of a description that another has replaced is refused.
        this.#exchange.session.request('candidate', { callId: this.#id, fragment }).catch(() => {});
      });
    },
  };

  #onIce(state: RTCIceConnectionState): void {
    if (state === 'checking' || state === 'new' || state === 'closed') return;
    const isWell = state === 'connected' || state === 'completed';
    this.emit('path', isWell);
    this.#cancelRestart?.();
    this.#cancelRestart = null;
    if (isWell) return;
    // What took the path may have taken the WebSocket, which looks alive.
    this.#exchange.session.probe();
    const wait = state === 'failed' ? 0 : INTERRUPTED_MS;
    this.#cancelRestart = this.#exchange.environment.after(wait, () => this.#restart());
  }

  #restart(): void {
    // Where it fails, ICE says so, or the gateway.
    void this.restartIce().catch(() => {});
  }

  /** ICE needs seconds to see that the path is gone which the connection went with. */
  async #restartWhereSilent(media: Media): Promise<void> {
    const before = await media.packetsReceived();
    await new Promise<void>((resolve) => this.#exchange.environment.after(SILENT_MS, resolve));
    if (media === this.#media && await media.packetsReceived() === before) this.#restart();
  }

  #change(method: 'hold' | 'resumeMedia' | 'update', wish: OfferWish): Promise<void> {
    return this.#inTurn(() => this.#negotiate(method, wish));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #negotiate(method: 'hold' | 'resumeMedia' | 'update' | 'rejoin', wish: OfferWish): Promise<void> {
    const { environment, session } = this.#exchange;
    for (let busy = 0; ;) {
      await session.connected();
      const media = this.#media;
      if (this.#state !== 'connected' || media === null) throw new WebtrunkError(1005, 'the call is not up');
      const sdp = await media.offer(wish);
      try {
        const answer = await session.request(method, { callId: this.#id, sdp });
        return await media.accept(answer.sdp);
      } catch (fault) {
        if (this.#ended !== null) throw fault;
        await media.rollBack();
        if (isFault(fault, 'connectionLost')) continue;
        busy += 1;
        if (!isFault(fault, 'busy') || busy > BUSY_TRIES) throw fault;
        await new Promise<void>((resolve) => environment.after(BUSY_MS, resolve));
      }
    }
  }
}
