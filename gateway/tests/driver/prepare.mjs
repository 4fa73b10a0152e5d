// Runs inside a page that is not ours before anything of its own, and so may use nothing from outside of this function.

/**
 * Notes in `window.noted`, in order, when what was hidden is shown (`#id`), and when a sound of the page's own begins (`sounds`).
 * Audio elements that are nowhere in the document are put first into it, where `hear` finds them. `hz` is what the page's microphone
 * says, null for the browser's own.
 */
export function prepare({ hz, peak }) {
  window.noted = [];
  const { start } = AudioScheduledSourceNode.prototype;
  AudioScheduledSourceNode.prototype.start = function begin(...when) {
    window.noted.push('sounds');
    return start.apply(this, when);
  };
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function begin() {
    if (!this.isConnected) document.body.prepend(this);
    return play.call(this);
  };
  new MutationObserver((changes) => {
    changes.filter(({ target }) => !target.hidden).forEach(({ target }) => window.noted.push(`#${target.id}`));
  }).observe(document, { subtree: true, attributeFilter: ['hidden'] });
  if (hz === null) return;
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext({ sampleRate: 48000 });
    await context.resume();
    const volume = new GainNode(context, { gain: peak });
    const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    const oscillator = new OscillatorNode(context, { frequency: hz });
    oscillator.connect(volume).connect(destination);
    start.call(oscillator);
    return destination.stream;
  };
}
