// Encoded frames: what comes from the network, before the browser's jitter buffer and decoder have touched
// it, or what goes there.

import { base64 } from './base64.js';

export class Frames {
  #collecting = null;

  /** Takes a frame. */
  take({ timestamp, data }) {
    if (!this.#collecting) return;
    const { frames, count, resolve } = this.#collecting;
    frames.push([timestamp, base64(new Uint8Array(data))]);
    if (frames.length < count) return;
    this.#collecting = null;
    resolve(frames);
  }

  /** The next `count` frames: pairs of RTP timestamp and payload in base64. */
  collect(count) {
    return new Promise((resolve) => { this.#collecting = { frames: [], count, resolve }; });
  }
}
