// How long it takes from the wish to call until something is heard: the same for every library.

/** Fainter samples are silence, and the codec's noise. */
const AUDIBLE = 0.01;

export class SetUp {
  #context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
  #tap = null;
  #source = null;
  #onSound = null;

  /** Must have resolved before a call is measured. */
  async open() {
    await this.#context.audioWorklet.addModule('tap.js');
    await this.#context.resume();
    this.#tap = new AudioWorkletNode(this.#context, 'tap', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    this.#tap.port.onmessage = ({ data }) => {
      if (this.#onSound === null || !data.some((sample) => Math.abs(sample) > AUDIBLE)) return;
      this.#onSound(performance.now());
      this.#onSound = null;
    };
  }

  /** Listens to a stream from now on. */
  attach(stream) {
    if (this.#tap === null) return;
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#tap);
  }

  /** Calls, and gives how many ms passed until something was heard. */
  async measure(call) {
    // The end of the call before is no begin of this one.
    this.#source?.disconnect();
    const heard = new Promise((resolve) => { this.#onSound = resolve; });
    const from = performance.now();
    await call();
    return await heard - from;
  }
}
