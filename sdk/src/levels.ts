// How loud a stream is.

/** One for all meters: browsers give a page but a few. */
let shared: AudioContext | null = null;

/** Measures a stream. */
export class LevelMeter {
  readonly #source: MediaStreamAudioSourceNode;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(stream: MediaStream) {
    shared ??= new AudioContext();
    this.#source = shared.createMediaStreamSource(stream);
    this.#analyser = shared.createAnalyser();
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
  }

  /** The level of the last moment, in dB below full scale; `-Infinity` for silence. */
  dbfs(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return decibels(this.#samples);
  }

  close(): void {
    this.#source.disconnect();
  }
}

/** The level of samples, of which full scale is 1, in dB: a sine of full scale has 0. */
export function decibels(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return 10 * Math.log10(2 * power);
}
