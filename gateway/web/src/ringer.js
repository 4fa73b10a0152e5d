// What one hears before the answer: ringing at the callee, ringback at the caller (425 Hz, 1 s in 5).

const SOUNDS = {
  incoming: { hertz: [660, 880], on: 0.9, period: 2.4, gain: 0.12 },
  ringing: { hertz: [425], on: 1, period: 5, gain: 0.06 },
};

export class Ringer {
  #context;
  #stop = null;

  constructor(context) { this.#context = context; }

  /** Sounds for `incoming` or `ringing`, and is silent for any other state. */
  follow(state) {
    this.#stop?.();
    this.#stop = SOUNDS[state] ? this.#start(SOUNDS[state]) : null;
  }

  #start({ hertz, on, period, gain }) {
    const volume = this.#context.createGain();
    volume.gain.value = 0;
    volume.connect(this.#context.destination);
    const tones = hertz.map((frequency) => {
      const tone = new OscillatorNode(this.#context, { frequency });
      tone.connect(volume);
      tone.start();
      return tone;
    });
    const burst = () => {
      const now = this.#context.currentTime;
      volume.gain.setTargetAtTime(gain, now, 0.01);
      volume.gain.setTargetAtTime(0, now + on, 0.01);
    };
    burst();
    const timer = setInterval(burst, period * 1000);
    return () => {
      clearInterval(timer);
      tones.forEach((tone) => tone.stop());
      volume.disconnect();
    };
  }
}
