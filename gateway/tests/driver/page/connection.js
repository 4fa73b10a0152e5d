// Watches the peer connections that the SIP libraries make, and restricts their codecs.

let newest = null;
let isTcpOnly = false;

/** From now on the other side's addresses of UDP are hidden from the browser. */
export function hideUdp() {
  isTcpOnly = true;
}

/** The newest peer connection. */
export function connection() {
  return newest;
}

/**
 * `onTrack` gets the stream of every remote track; `onFrame` every encoded frame that comes and `onSent`
 * every one that goes, or neither is given; `codecs` names what may be spoken, null for all; `opus` holds parameters that the
 * browser reads as if the other side had asked for them, empty for none.
 */
export function watchConnections({ onTrack, onFrame, onSent, codecs, opus }) {
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
      super({ ...config, encodedInsertableStreams: Boolean(onFrame) }, ...options);
      newest = this;
      this.addEventListener('track', ({ receiver, track, streams }) => {
        if (onFrame) watchFrames(receiver, onFrame);
        onTrack(streams[0] ?? new MediaStream([track]));
      });
    }

    addTrack(...options) {
      const sender = super.addTrack(...options);
      // A sender that nobody watches may send nothing, where frames can be watched at all.
      if (onSent) watchFrames(sender, onSent);
      return sender;
    }

    setRemoteDescription({ type, sdp }) {
      if (isTcpOnly) sdp = sdp.replace(/^a=candidate:\S+ \d+ udp .*\r?\n/gim, '');
      return super.setRemoteDescription({ type, sdp: opus ? withOpusParameters(sdp, opus) : sdp });
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

/** Adds to what a description says of Opus (RFC 7587 7). */
function withOpusParameters(sdp, parameters) {
  const [, payloadType] = /^a=rtpmap:(\d+) opus\//im.exec(sdp);
  return sdp.replace(new RegExp(`^a=fmtp:${payloadType} .*?(?=\\r?$)`, 'm'), (line) => `${line};${parameters}`);
}

/** Receivers and senders that are watched; a receiver's track comes again after hold. */
const watched = new WeakSet();

/** Shows every encoded frame of a receiver or sender on its way. */
function watchFrames(end, onFrame) {
  if (watched.has(end)) return;
  watched.add(end);
  const { readable, writable } = end.createEncodedStreams();
  const watch = new TransformStream({
    transform(frame, controller) {
      onFrame(frame);
      controller.enqueue(frame);
    },
  });
  readable.pipeThrough(watch).pipeTo(writable);
}
