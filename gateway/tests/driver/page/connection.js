// Watches the peer connections that the SIP libraries make, and restricts their codecs.

let newest = null;

/** The newest peer connection. */
export function connection() {
  return newest;
}

/**
 * `onTrack` gets the stream of every remote track, `onFrame` every encoded frame that comes, `codecs`
 * names what may be spoken, null for all.
 */
export function watchConnections({ onTrack, onFrame, codecs }) {
  const prefer = (connection) => {
    if (!codecs) return;
    const allowed = [...codecs, 'telephone-event'].map((name) => `audio/${name}`.toLowerCase());
    const all = RTCRtpReceiver.getCapabilities('audio').codecs;
    const kept = all.filter((codec) => allowed.includes(codec.mimeType.toLowerCase()));
    connection.getTransceivers().forEach((transceiver) => transceiver.setCodecPreferences(kept));
  };
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(config, ...options) {
      super({ ...config, encodedInsertableStreams: true }, ...options);
      newest = this;
      this.addEventListener('track', ({ receiver, track, streams }) => {
        watchFrames(receiver, onFrame);
        onTrack(streams[0] ?? new MediaStream([track]));
      });
    }

    createOffer(...options) {
      prefer(this);
      return super.createOffer(...options);
    }

    createAnswer(...options) {
      prefer(this);
      return super.createAnswer(...options);
    }
  };
}

/** Shows every encoded frame on its way to the decoder. */
function watchFrames(receiver, onFrame) {
  const { readable, writable } = receiver.createEncodedStreams();
  const watch = new TransformStream({
    transform(frame, controller) {
      onFrame(frame);
      controller.enqueue(frame);
    },
  });
  readable.pipeThrough(watch).pipeTo(writable);
}
