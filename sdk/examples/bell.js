// Rings: a tone for a second of five, until it is stopped. A browser that wants a click first stays silent until there was one.

const ON_S = 1;
const PERIOD_S = 5;

export class Bell {
  #context = null;

  ring() {
    this.stop();
    this.#context = new AudioContext();
    const volume = new GainNode(this.#context, { gain: 0 });
    const tone = new OscillatorNode(this.#context, { frequency: 425 });
    tone.connect(volume).connect(this.#context.destination);
    for (let time = 0; time < 60; time += PERIOD_S) {
      volume.gain.setValueAtTime(0.2, time).setValueAtTime(0, time + ON_S);
    }
    tone.start();
  }

  stop() {
    void this.#context?.close();
    this.#context = null;
  }
}
