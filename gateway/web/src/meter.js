// Level of a stream, for a meter that goes from silence (0) to full scale (1).

const FLOOR_DB = -60;

export class Meter {
  #context;
  #analyser;
  #samples;
  #source = null;

  constructor(context) {
    this.#context = context;
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
  }

  /** Watches a stream; null watches nothing. */
  watch(stream) {
    this.#source?.disconnect();
    this.#source = stream ? this.#context.createMediaStreamSource(stream) : null;
    this.#source?.connect(this.#analyser);
  }

  /** Root mean square of the newest samples, in decibels over the floor. */
  level() {
    if (!this.#source) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    const decibels = 10 * Math.log10(power + 1e-12);
    return Math.min(1, Math.max(0, 1 - decibels / FLOOR_DB));
  }
}
