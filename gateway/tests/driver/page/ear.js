// What the remote track plays, as 16 bit samples at 48 kHz.

import { base64 } from './base64.js';

const RATE = 48000;

export class Ear {
  // Large blocks: what a busy machine is late with is less often lost.
  #context = new AudioContext({ sampleRate: RATE, latencyHint: 'playback' });
  #tap = null;
  #source = null;
  #audio = new Audio();
  #plays = true;
  #listeners = new Set();

  /** Must have resolved before anything is heard. `plays` tells whether nobody else plays what is heard. */
  async open(plays) {
    this.#plays = plays;
    await this.#context.audioWorklet.addModule('tap.js');
    await this.#context.resume();
    const options = { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' };
    this.#tap = new AudioWorkletNode(this.#context, 'tap', options);
    this.#tap.port.onmessage = ({ data }) => this.#listeners.forEach((listener) => listener(data));
  }

  /** Listens to a stream from now on. It has to play as well, or the browser decodes nothing. */
  attach(stream) {
    if (this.#plays) {
      this.#audio.srcObject = stream;
      this.#audio.play();
    }
    this.#source?.disconnect();
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#tap);
  }

  /** What is heard in the next `seconds`, in base64. */
  listen(seconds) {
    const samples = new Int16Array(Math.round(seconds * RATE));
    let filled = 0;
    return new Promise((resolve) => {
      const listener = (block) => {
        const fits = block.subarray(0, samples.length - filled);
        fits.forEach((sample, index) => { samples[filled + index] = toInteger(sample); });
        filled += fits.length;
        if (filled === samples.length) {
          this.#listeners.delete(listener);
          resolve(base64(new Uint8Array(samples.buffer)));
        }
      };
      this.#listeners.add(listener);
    });
  }
}

function toInteger(sample) {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
}
