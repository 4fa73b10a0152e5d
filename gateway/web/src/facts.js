// What the browser knows about a call, from its statistics (W3C webrtc-stats).

/** Pairs of title and text. */
export async function facts(connection) {
  const reports = [...(await connection.getStats()).values()];
  const of = (type) => reports.find((report) => report.type === type && (report.kind ?? 'audio') === 'audio');
  const byId = (id) => reports.find((report) => report.id === id);
  const [out, back, transport] = [of('outbound-rtp'), of('inbound-rtp'), of('transport')];
  const pair = byId(transport?.selectedCandidatePairId);
  const rows = [
    ['Codec sent', codec(byId(out?.codecId))],
    ['Codec received', codec(byId(back?.codecId))],
    ['Sent', out && `${out.packetsSent} packets`],
    ['Received', back && `${back.packetsReceived} packets, ${back.packetsLost} lost`],
    ['Jitter', back && `${Math.round((back.jitter ?? 0) * 1000)} ms`],
    ['Path', path(byId(pair?.remoteCandidateId))],
    ['Encryption', transport?.srtpCipher && `${transport.srtpCipher}, DTLS ${version(transport.tlsVersion)}`],
  ];
  return rows.filter(([, text]) => text);
}

function codec(report) {
  if (!report) return '';
  return `${report.mimeType.replace('audio/', '')}, ${report.clockRate / 1000} kHz`;
}

function path(candidate) {
  return candidate ? `${candidate.protocol} ${candidate.address ?? ''}:${candidate.port}` : '';
}

/** "FEFD" is DTLS 1.2 and "FEFC" DTLS 1.3: the complement of the digits. */
function version(hex) {
  return hex ? `1.${0xff - parseInt(hex.slice(2), 16)}` : '';
}
