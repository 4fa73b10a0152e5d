// The media of one call: a peer connection with one audio stream each way.

import type { Environment } from './environment.js';
import { LevelMeter } from './levels.js';
import { summarise } from './statistics.js';

/** Who is told what happens to media. */
export interface MediaListener {
  /** There is something to hear. */
  onStream(stream: MediaStream): void;
  /** More candidates are known. */
  onCandidates(): void;
  /** How ICE is. */
  onIce(state: RTCIceConnectionState): void;
}

/** What the next offer is to say. */
export interface Wish {
  /** Whether both ends can be heard, or none. */
  isHeld?: boolean;
  /** Whether a path is looked for anew. */
  restartsIce?: boolean;
}

/** The media of a call. */
export class Media {
  readonly #connection: RTCPeerConnection;
  readonly #audio: HTMLAudioElement | null;
  #microphone: MediaStream;
  #stream: MediaStream | null = null;
  #isMuted = false;
  #isSilenced = false;
  #candidates: string[] = [];
  #meters: [LevelMeter, LevelMeter] | null = null;

  constructor(
    environment: Environment,
    configuration: RTCConfiguration,
    microphone: MediaStream,
    plays: boolean,
    listener: MediaListener,
  ) {
    this.#microphone = microphone;
    this.#audio = plays ? environment.openAudio() : null;
    this.#connection = environment.openConnection(configuration);
    this.#connection.ontrack = ({ track, streams }) => {
      const stream = streams[0] ?? new MediaStream([track]);
      if (stream === this.#stream) return;
      this.#stream = stream;
      if (this.#audio !== null) {
        this.#audio.srcObject = stream;
        // A browser that wants a click first plays at the next one.
        this.#audio.play().catch(() => {});
      }
      listener.onStream(stream);
    };
    this.#connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      this.#candidates.push(candidate.candidate);
      listener.onCandidates();
    };
    this.#connection.oniceconnectionstatechange = () => listener.onIce(this.#connection.iceConnectionState);
  }

  /** The connection itself, for what the SDK does not do. */
  get connection(): RTCPeerConnection {
    return this.#connection;
  }

  /** What is heard; null before there is anything. */
  get stream(): MediaStream | null {
    return this.#stream;
  }

  get ice(): RTCIceConnectionState {
    return this.#connection.iceConnectionState;
  }

  /** Makes an offer, which waits for its answer. Candidates are not waited for: the gateway finds them by our checks. */
  async offer({ isHeld, restartsIce }: Wish = {}): Promise<string> {
    const transceiver = this.#transceiver();
    if (isHeld !== undefined) transceiver.direction = isHeld ? 'inactive' : 'sendrecv';
    if (restartsIce) this.#connection.restartIce();
    return this.#describe(await this.#connection.createOffer());
  }

  /** Takes the answer to the offer. One that differs from the one before it is taken as well, as if it had been asked for. */
  async accept(sdp: string): Promise<void> {
    if (this.#connection.signalingState === 'stable') {
      if (this.#connection.remoteDescription?.sdp === sdp) return;
      await this.#describe(await this.#connection.createOffer());
    }
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
  }

  /** Takes the offer back: it was refused, or nobody knows. */
  async rollBack(): Promise<void> {
    if (this.#connection.signalingState === 'have-local-offer') {
      await this.#connection.setLocalDescription({ type: 'rollback' });
    }
  }

  /** Answers an offer. */
  async answer(sdp: string): Promise<string> {
    await this.#connection.setRemoteDescription({ type: 'offer', sdp });
    this.#transceiver().direction = 'sendrecv';
    return this.#describe(await this.#connection.createAnswer());
  }

  /** The candidates found since the last description, as a fragment of it (RFC 8840 9); null where there are none. */
  fragment(): string | null {
    const lines = this.#connection.localDescription?.sdp.split(/\r?\n/) ?? [];
    const line = (start: string): string | undefined => lines.find((it) => it.startsWith(start));
    const parts = [line('a=ice-ufrag:'), line('a=ice-pwd:'), line('m=audio'), line('a=mid:')];
    if (this.#candidates.length === 0 || parts.includes(undefined)) return null;
    return [...parts, ...this.#candidates.map((it) => `a=${it}`), ''].join('\r\n');
  }

  /** Takes candidates that the gateway told after its description, in a fragment of it (RFC 8840 9). */
  async acceptCandidates(fragment: string): Promise<void> {
    const lines = fragment.split(/\r?\n/);
    const value = (name: string): string | undefined => lines.find((it) => it.startsWith(`a=${name}:`))?.slice(name.length + 3);
    const [sdpMid, usernameFragment] = [value('mid') ?? null, value('ice-ufrag') ?? null];
    for (const line of lines.filter((it) => it.startsWith('a=candidate:'))) {
      // One that this browser does not take says nothing of the others.
      await this.#connection.addIceCandidate({ candidate: line.slice(2), sdpMid, usernameFragment }).catch(() => {});
    }
  }

  mute(isMuted: boolean): void {
    this.#isMuted = isMuted;
    this.#letSpeak();
  }

  /** Says nothing, muted or not, until it is told otherwise. */
  silence(isSilenced: boolean): void {
    this.#isSilenced = isSilenced;
    this.#letSpeak();
  }

  /** Speaks by another microphone from now on. */
  async speakBy(microphone: MediaStream): Promise<void> {
    await this.#transceiver().sender.replaceTrack(microphone.getAudioTracks()[0] ?? null);
    this.#microphone.getTracks().forEach((track) => track.stop());
    this.#microphone = microphone;
    this.#letSpeak();
    this.#closeMeters();
  }

  /** Is heard by another speaker from now on; empty for the usual one. */
  async playBy(speaker: string): Promise<void> {
    const audio = this.#audio as (HTMLAudioElement & { setSinkId?(id: string): Promise<void> }) | null;
    await audio?.setSinkId?.(speaker);
  }

  /** How loud it is at the microphone, and at the other end, in dB below full scale. */
  levels(): { spoken: number; heard: number } {
    if (this.#stream === null) return { spoken: -Infinity, heard: -Infinity };
    this.#meters ??= [new LevelMeter(this.#microphone), new LevelMeter(this.#stream)];
    const [spoken, heard] = this.#meters;
    return { spoken: spoken.dbfs(), heard: heard.dbfs() };
  }

  /** Audio that came so far, in packets. */
  async packetsReceived(): Promise<number> {
    return summarise(await this.#connection.getStats() as never).packetsReceived;
  }

  close(): void {
    this.#closeMeters();
    this.#connection.onicecandidate = this.#connection.oniceconnectionstatechange = this.#connection.ontrack = null;
    this.#connection.close();
    this.#microphone.getTracks().forEach((track) => track.stop());
    if (this.#audio !== null) this.#audio.srcObject = null;
  }

  #letSpeak(): void {
    const speaks = !this.#isMuted && !this.#isSilenced;
    this.#microphone.getAudioTracks().forEach((track) => { track.enabled = speaks; });
  }

  #closeMeters(): void {
    this.#meters?.forEach((meter) => meter.close());
    this.#meters = null;
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<string> {
    this.#candidates = [];
    await this.#connection.setLocalDescription(description);
    return description.sdp ?? '';
  }

  /** The audio of the call; made for an offer, and by the other end's otherwise. */
  #transceiver(): RTCRtpTransceiver {
    const known = this.#connection.getTransceivers()[0];
    const [track] = this.#microphone.getAudioTracks();
    if (known === undefined) {
      this.#connection.addTrack(track as MediaStreamTrack, this.#microphone);
      return this.#connection.getTransceivers()[0] as RTCRtpTransceiver;
    }
    if (known.sender.track === null) this.#connection.addTrack(track as MediaStreamTrack, this.#microphone);
    return known;
  }
}
