// What the page says: the browser's microphone without any processing, or a tone of its own.

/** `wish` is 'device', or { hz, peak } with peak in 0..1. */
export function openMicrophone(wish) {
  return wish === 'device' ? device() : tone(wish);
}

function device() {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return navigator.mediaDevices.getUserMedia({ audio });
}

async function tone({ hz, peak }) {
  const context = new AudioContext({ sampleRate: 48000 });
  await context.resume();
  const volume = new GainNode(context, { gain: peak });
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  const oscillator = new OscillatorNode(context, { frequency: hz });
  oscillator.connect(volume).connect(destination);
  oscillator.start();
  return destination.stream;
}
