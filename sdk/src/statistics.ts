// What the browser measures of a call, in the words of the gateway's own statistics.

/** What the browser measures. "Received" is what the page hears. */
export interface BrowserStatistics {
  codecReceived: string | null;
  codecSent: string | null;
  packetsReceived: number;
  packetsSent: number;
  /** Packets that never came. */
  lost: number;
  jitterMs: number;
  roundTripMs: number | null;
  /** How long what came waits before it is heard, in ms. */
  bufferMs: number | null;
  /** What was invented of what is heard, from 0 to 1. */
  concealedShare: number;
  /** `udp` or `tcp`; null where there is no path. */
  transport: string | null;
}

type Report = { [key: string]: unknown; type: string };

/** The few figures of a report (W3C webrtc-stats) that say how a call is. */
export function summarise(report: Iterable<readonly [string, Report]>): BrowserStatistics {
  const all = new Map(report);
  const of = (type: string): Report | undefined => [...all.values()].find((it) => it.type === type);
  const [inbound, outbound] = [of('inbound-rtp'), of('outbound-rtp')];
  // Firefox has no report of the transport: the pair itself says that it is the one, and the gateway's reports how long the way is.
  const isInUse = (it: Report): boolean => it.type === 'candidate-pair' && it.state === 'succeeded' && (it.selected ?? it.nominated) === true;
  const pair = all.get(String(of('transport')?.selectedCandidatePairId)) ?? [...all.values()].find(isInUse);
  const roundTrip = pair?.currentRoundTripTime ?? of('remote-inbound-rtp')?.roundTripTime;
  const local = all.get(String(pair?.localCandidateId));
  const waited = number(inbound?.jitterBufferDelay) / number(inbound?.jitterBufferEmittedCount);
  const codec = (stream: Report | undefined): string | null => {
    const mime = all.get(String(stream?.codecId))?.mimeType;
    return typeof mime === 'string' ? mime.replace(/^audio\//, '') : null;
  };
  return {
    codecReceived: codec(inbound),
    codecSent: codec(outbound),
    packetsReceived: number(inbound?.packetsReceived),
    packetsSent: number(outbound?.packetsSent),
    lost: number(inbound?.packetsLost),
    jitterMs: number(inbound?.jitter) * 1000,
    roundTripMs: roundTrip === undefined ? null : number(roundTrip) * 1000,
    bufferMs: Number.isFinite(waited) ? waited * 1000 : null,
    concealedShare: number(inbound?.concealedSamples) / Math.max(1, number(inbound?.totalSamplesReceived)),
    transport: typeof local?.protocol === 'string' ? local.protocol : null,
  };
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
