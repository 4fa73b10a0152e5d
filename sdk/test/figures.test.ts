import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decibels } from '../src/levels.js';
import { summarise } from '../src/statistics.js';

test('a sine of full scale has 0 dB and silence has none', () => {
  const sine = (peak: number) => Float32Array.from({ length: 4800 }, (_, at) => peak * Math.sin(2 * Math.PI * at / 48));
  assert.ok(Math.abs(decibels(sine(1))) < 0.01);
  assert.ok(Math.abs(decibels(sine(0.1)) + 20) < 0.01);
  assert.equal(decibels(new Float32Array(100)), -Infinity);
});

test('the report of a browser is told in few figures', () => {
  const report = Object.entries({
    T: { type: 'transport', selectedCandidatePairId: 'P' },
    P: { type: 'candidate-pair', localCandidateId: 'L', currentRoundTripTime: 0.02 },
    L: { type: 'local-candidate', protocol: 'udp' },
    C: { type: 'codec', mimeType: 'audio/opus' },
    I: { type: 'inbound-rtp', codecId: 'C', packetsReceived: 100, packetsLost: 2, jitter: 0.003, jitterBufferDelay: 96, jitterBufferEmittedCount: 4800, concealedSamples: 48, totalSamplesReceived: 4800 },
    O: { type: 'outbound-rtp', codecId: 'C', packetsSent: 99 },
  });
  assert.deepEqual(summarise(report), {
    codecReceived: 'opus', codecSent: 'opus', packetsReceived: 100, packetsSent: 99, lost: 2, jitterMs: 3, roundTripMs: 20,
    bufferMs: 20, concealedShare: 0.01, transport: 'udp',
  });
  assert.deepEqual(summarise([]), {
    codecReceived: null, codecSent: null, packetsReceived: 0, packetsSent: 0, lost: 0, jitterMs: 0, roundTripMs: null,
    bufferMs: null, concealedShare: 0, transport: null,
  });
});

test('a browser that has no report of the transport tells of it by the pair that is in use', () => {
  const report = Object.entries({
    Q: { type: 'candidate-pair', state: 'succeeded', nominated: true, selected: false, localCandidateId: 'M' },
    P: { type: 'candidate-pair', state: 'succeeded', nominated: true, selected: true, localCandidateId: 'L' },
    M: { type: 'local-candidate', protocol: 'tcp' },
    L: { type: 'local-candidate', protocol: 'udp' },
    R: { type: 'remote-inbound-rtp', roundTripTime: 0.03 },
  });
  const { transport, roundTripMs } = summarise(report);
  assert.deepEqual([transport, roundTripMs], ['udp', 30]);
});
