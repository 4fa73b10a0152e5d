// Microphones and speakers: which there are, which are chosen, and what happens when one is pulled out.

import { Emitter } from './emitter.js';
import type { Environment } from './environment.js';
import { NO_MICROPHONE, WebtrunkError } from './fault.js';

/** What happens to devices. */
export interface DeviceEvents {
  /** One was plugged in or pulled out. */
  changed: void;
  /** The chosen one is gone: the usual one takes its place. */
  unplugged: 'microphone' | 'speaker';
}

/** One device. */
export interface Device {
  /** By which it is chosen. */
  id: string;
  /** For people; empty until the page may use a microphone. */
  name: string;
}

/** What is told of choices. */
export interface DeviceListener {
  onMicrophone(): void;
  onSpeaker(): void;
}

/** How a page gets a stream with its microphone. */
export type OpenMicrophone = (constraints: MediaTrackConstraints) => Promise<MediaStream>;

/** The devices of a page. The empty id is the usual one. */
export class Devices extends Emitter<DeviceEvents> {
  readonly #environment: Environment;
  readonly #open: OpenMicrophone;
  readonly #listener: DeviceListener;
  #microphone = '';
  #speaker = '';

  constructor(environment: Environment, open: OpenMicrophone | undefined, listener: DeviceListener) {
    super();
    this.#environment = environment;
    this.#listener = listener;
    const { devices } = environment;
    this.#open = open ?? ((audio) => devices?.getUserMedia({ audio }) ?? Promise.reject(new Error('there are no devices')));
    devices?.addEventListener('devicechange', () => { void this.#onChange(); });
  }

  /** The chosen microphone; empty for the usual one. */
  get microphone(): string {
    return this.#microphone;
  }

  /** The chosen speaker; empty for the usual one. */
  get speaker(): string {
    return this.#speaker;
  }

  microphones(): Promise<Device[]> {
    return this.#list('audioinput');
  }

  /** The speakers, where the browser tells of them. */
  speakers(): Promise<Device[]> {
    return this.#list('audiooutput');
  }

  /** Speaks by this microphone, in calls that there are too. */
  chooseMicrophone(id: string): void {
    this.#microphone = id;
    this.#listener.onMicrophone();
  }

  /** Plays by this speaker, in calls that there are too. */
  chooseSpeaker(id: string): void {
    this.#speaker = id;
    this.#listener.onSpeaker();
  }

  /** @internal A stream with the chosen microphone, for one call. */
  async openMicrophone(): Promise<MediaStream> {
    try {
      const stream = await this.#open(this.#microphone === '' ? {} : { deviceId: { exact: this.#microphone } });
      // A track ends by itself where its device is gone, and only then.
      stream.getAudioTracks()[0]?.addEventListener('ended', () => { void this.#onChange(); });
      return stream;
    } catch (fault) {
      throw new WebtrunkError(NO_MICROPHONE, `there is no microphone: ${fault instanceof Error ? fault.message : fault}`);
    }
  }

  async #list(kind: MediaDeviceKind): Promise<Device[]> {
    const all = await this.#environment.devices?.enumerateDevices() ?? [];
    return all.filter((it) => it.kind === kind).map(({ deviceId, label }) => ({ id: deviceId, name: label }));
  }

  async #onChange(): Promise<void> {
    const [microphones, speakers] = await Promise.all([this.microphones(), this.speakers()]);
    const isGone = (all: Device[], id: string): boolean => id !== '' && all.every((it) => it.id !== id);
    if (isGone(microphones, this.#microphone)) {
      this.chooseMicrophone('');
      this.emit('unplugged', 'microphone');
    }
    if (isGone(speakers, this.#speaker)) {
      this.chooseSpeaker('');
      this.emit('unplugged', 'speaker');
    }
    this.emit('changed', undefined);
  }
}
