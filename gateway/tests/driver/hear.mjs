// Runs inside a page that is not ours, and so may use nothing from outside of this function.

/** What an audio element plays in some seconds, as 16 bit samples at 48 kHz in base64. */
export async function hear([selector, seconds]) {
  const RATE = 48000;
  const BLOCK = 16384;
  const element = document.querySelector(selector);
  // The stream of a call that is over stays, but its track has ended.
  for (let tries = 0; !element.srcObject?.active; tries += 1) {
    if (tries === 3000) throw new Error(`${selector} has nothing to play`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const context = new AudioContext({ sampleRate: RATE, latencyHint: 'playback' });
  await context.resume();
  const source = context.createMediaStreamSource(element.srcObject);
  // A worklet would be a script from elsewhere, which the page's policy forbids.
  const tap = context.createScriptProcessor(BLOCK, 1, 1);
  const samples = new Int16Array(Math.round(seconds * RATE));
  let filled = 0;
  await new Promise((resolve) => {
    tap.onaudioprocess = ({ inputBuffer }) => {
      const block = inputBuffer.getChannelData(0).subarray(0, samples.length - filled);
      block.forEach((sample, index) => {
        samples[filled + index] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      });
      filled += block.length;
      if (filled === samples.length) resolve();
    };
    source.connect(tap);
    tap.connect(context.destination);
  });
  await context.close();
  const bytes = new Uint8Array(samples.buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}
