import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call } from '../src/call.js';
import type { Phone } from '../src/phone.js';
import type { Diversion } from '../src/protocol.js';
import { FakeBrowser, connected, page, reconnect, resumed, settle } from './fakes.js';

/** A call of ours that is placed. */
async function place(phone: Phone, browser: FakeBrowser, to = '100', callId = 'a1'): Promise<Call> {
  const calling = phone.call(to);
  await settle();
  await browser.socket.answer('call', { callId });
  return calling;
}

/** The same, when it is up. */
async function talk(phone: Phone, browser: FakeBrowser, callId = 'a1', seq = 2): Promise<Call> {
  const call = await place(phone, browser, '100', callId);
  browser.socket.event('connected', { seq, callId, sdp: 'gateway' });
  await settle();
  browser.connection.ice('connected');
  return call;
}

const ended = (seq: number, callId: string, cause = 'hangup', text = 'The call was hung up.') =>
  ({ seq, callId, cause, text, sipStatus: 200, q850: 16 });

/** Who was called before that. */
const DIVERSIONS: Diversion[] = [{ user: '100', reason: 'busy' }];

async function ring(browser: FakeBrowser, callId = 'b1', seq = 2): Promise<void> {
  browser.socket.event('incoming', { seq, callId, from: '0301', displayName: 'Bob', sdp: 'theirs', headers: { 'X-Case': '7' },
    diversions: DIVERSIONS });
  await settle();
}

test('a call is placed without waiting for candidates, rings, and is answered', async () => {
  const { browser, phone } = await connected();
  const call = await place(phone, browser);
  assert.deepEqual(browser.socket.request('call').params, { to: '100', sdp: 'offer 1 sendrecv ice 0' });
  const states: string[] = [];
  call.on('state', (state) => states.push(state));
  browser.socket.event('trying', { seq: 2, callId: 'a1' });
  browser.socket.event('ringing', { seq: 3, callId: 'a1' });
  browser.socket.event('connected', { seq: 4, callId: 'a1', sdp: 'gateway' });
  await settle();
  assert.deepEqual(states, ['ringing', 'connected']);
  assert.deepEqual(browser.connection.remoteDescription, { type: 'answer', sdp: 'gateway' });
});

test('what is said with a call goes to the gateway with it, and a header that may not be said is named', async () => {
  const { browser, phone } = await connected();
  const told = assert.rejects(phone.call('100', { headers: { 'X-Tenant': 'acme' } }), { kind: 'invalidParams', field: 'headers.X-Tenant' });
  await settle();
  assert.deepEqual(browser.socket.request('call').params, { to: '100', sdp: 'offer 1 sendrecv ice 0', headers: { 'X-Tenant': 'acme' } });
  await browser.socket.refuse('call', -32602, 'params.headers.X-Tenant: is none that pages may say (json.headers_allow)', 'headers.X-Tenant');
  await told;
});

test('what is heard before the answer is taken, and an answer that differs is too', async () => {
  const { browser, phone } = await connected();
  const call = await place(phone, browser);
  let isEarly = false;
  call.on('earlyMedia', () => { isEarly = true; });
  browser.socket.event('earlyMedia', { seq: 2, callId: 'a1', sdp: 'early' });
  await settle();
  assert.deepEqual([isEarly, browser.connection.remoteDescription?.sdp], [true, 'early']);
  browser.socket.event('connected', { seq: 3, callId: 'a1', sdp: 'other' });
  await settle();
  assert.deepEqual([call.state, browser.connection.remoteDescription?.sdp], ['connected', 'other']);
});

test('a call that the gateway refuses is told by its fault, and its microphone is closed', async () => {
  const { browser, phone } = await connected();
  const told = assert.rejects(phone.call('666'), { kind: 'forbidden' });
  await settle();
  await browser.socket.refuse('call', 1003, 'the token does not allow this destination');
  await told;
  assert.deepEqual([phone.calls.length, browser.stream.track.isStopped], [0, true]);
});

test('a call without a microphone is not placed', async () => {
  const microphone = () => Promise.reject(new Error('Permission denied'));
  const { browser, phone } = await connected({ microphone });
  await assert.rejects(phone.call('100'), { kind: 'noMicrophone', message: /Permission denied/ });
  assert.equal(browser.socket.count('call'), 0);
});

test('a call that comes in says whose it is and is answered', async () => {
  const { browser, phone } = await connected();
  const calls: Call[] = [];
  phone.on('incoming', (call) => calls.push(call));
  await ring(browser);
  const [call] = calls as [Call];
  assert.deepEqual([call.peer, call.facts.displayName, call.facts.headers], ['0301', 'Bob', { 'X-Case': '7' }]);
  assert.deepEqual(call.facts.diversions, DIVERSIONS);
  const answering = call.answer();
  await settle();
  assert.deepEqual(browser.connection.remoteDescription, { type: 'offer', sdp: 'theirs' });
  assert.deepEqual(browser.socket.request('answer').params, { callId: 'b1', sdp: 'answer' });
  await browser.socket.answer('answer', {});
  browser.socket.event('connected', { seq: 3, callId: 'b1' });
  await answering;
  assert.equal(call.state, 'connected');
  assert.equal(browser.connection.transceivers[0]?.direction, 'sendrecv');
});

test('a call that comes in is rejected', async () => {
  const { browser, phone } = await connected();
  const calls: Call[] = [];
  phone.on('incoming', (call) => calls.push(call));
  await ring(browser);
  const rejecting = calls[0]?.reject('busy');
  await settle();
  assert.deepEqual(browser.socket.request('reject').params, { callId: 'b1', cause: 'busy' });
  await browser.socket.answer('reject', {});
  await rejecting;
});

test('a call tells why it ended, and every cause is told as it came', async () => {
  for (const [cause, text] of [['answeredElsewhere', 'Another phone took the call.'], ['noAnswer', 'Nobody answered.']] as const) {
    const { browser, phone } = await connected();
    const call = await place(phone, browser);
    const told: string[] = [];
    call.on('ended', (end) => told.push(end.cause, end.text));
    browser.socket.event('ended', ended(2, 'a1', cause, text));
    browser.socket.event('ended', ended(3, 'a1'));
    assert.deepEqual(told, [cause, text]);
    assert.deepEqual([call.state, phone.calls.length, browser.stream.track.isStopped], ['ended', 0, true]);
    assert.equal(browser.connection.signalingState, 'closed');
  }
});

test('several calls are kept apart', async () => {
  const { browser, phone } = await connected();
  const first = await talk(phone, browser, 'a1', 2);
  const second = await talk(phone, browser, 'a2', 3);
  browser.socket.event('dtmf', { seq: 4, callId: 'a1', digit: '5', durationMs: 100 });
  browser.socket.event('held', { seq: 5, callId: 'a2' });
  assert.deepEqual([first.isHeldByOther, second.isHeldByOther, phone.calls.length], [false, true, 2]);
  browser.socket.event('ended', ended(6, 'a1'));
  assert.deepEqual([first.state, second.state], ['ended', 'connected']);
});

test('a call is held and taken back by offers', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const holding = call.hold();
  await settle();
  assert.deepEqual(browser.socket.request('hold').params, { callId: 'a1', sdp: 'offer 2 inactive ice 0' });
  const resuming = call.resumeMedia();
  await settle();
  assert.equal(browser.socket.count('resumeMedia'), 0, 'one change at a time');
  await browser.socket.answer('hold', { sdp: 'held' });
  await holding;
  assert.equal(call.isHeld, true);
  assert.equal(browser.socket.request('resumeMedia').params.sdp, 'offer 3 sendrecv ice 0');
  await browser.socket.answer('resumeMedia', { sdp: 'taken back' });
  await resuming;
  assert.equal(call.isHeld, false);
});

test('an offer that is refused is taken back', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const told = assert.rejects(call.hold(), { kind: 'notAcceptable' });
  await settle();
  await browser.socket.refuse('hold', 1008);
  await told;
  assert.deepEqual([call.isHeld, browser.connection.signalingState], [false, 'stable']);
});

test('a gateway that is busy with another change is asked again', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const holding = call.hold();
  await settle();
  await browser.socket.refuse('hold', 1006);
  await browser.pass(200);
  await browser.socket.answer('hold', { sdp: 'held' });
  await holding;
  assert.equal(browser.socket.count('hold'), 2);
});

test('keys and mute', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  call.sendDtmf('12#');
  assert.deepEqual(browser.socket.request('sendDtmf').params, { callId: 'a1', digits: '12#', durationMs: 100 });
  call.mute();
  assert.deepEqual([call.isMuted, browser.stream.track.enabled], [true, false]);
  call.mute(false);
  assert.equal(browser.stream.track.enabled, true);
});

test('a transfer tells how it goes', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const steps: string[] = [];
  call.on('transferProgress', ({ step }) => steps.push(step));
  const failing = assert.rejects(call.transfer('200'), /nobody took the call: busy/);
  await browser.socket.answer('transfer', {});
  browser.socket.event('transferProgress', { seq: 3, callId: 'a1', step: 'began' });
  browser.socket.event('transferProgress', { seq: 4, callId: 'a1', step: 'failed', cause: 'busy' });
  await failing;
  const other = await talk(phone, browser, 'a2', 5);
  const done = call.transfer(other);
  assert.deepEqual(browser.socket.request('transfer').params, { callId: 'a1', withCall: 'a2' });
  await browser.socket.answer('transfer', {});
  browser.socket.event('transferProgress', { seq: 6, callId: 'a1', step: 'done' });
  await done;
  assert.deepEqual(steps, ['began', 'failed', 'done']);
});

test('candidates are told together, with what they belong to', async () => {
  const { browser, phone } = await connected();
  await talk(phone, browser);
  const { connection } = browser;
  connection.localDescription = { sdp: 'v=0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=mid:0\r\n' };
  for (const name of ['one', 'two']) connection.onicecandidate?.({ candidate: { candidate: `candidate:${name}` } });
  connection.onicecandidate?.({ candidate: null });
  await browser.pass(100);
  const fragment = 'a=ice-ufrag:u\r\na=ice-pwd:p\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:one\r\na=candidate:two\r\n';
  assert.deepEqual(browser.socket.request('candidate').params, { callId: 'a1', fragment });
  assert.equal(browser.socket.count('candidate'), 1);
});

test('a path is looked for anew when the gateway asks, when ICE fails, when it stays away, and on another network', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const restarted = async (times: number) => {
    assert.equal(browser.socket.count('update'), times);
    assert.equal(browser.socket.request('update').params.sdp, `offer ${times + 1} sendrecv ice ${times}`);
    await browser.socket.answer('update', { sdp: `path ${times}` });
    browser.connection.ice('connected');
  };
  browser.socket.event('restartNeeded', { seq: 3, callId: 'a1' });
  await settle();
  await restarted(1);
  browser.connection.ice('failed');
  await browser.pass(0);
  await restarted(2);
  browser.connection.ice('disconnected');
  await browser.pass(1_000);
  browser.connection.ice('connected');
  await browser.pass(1_000);
  assert.equal(browser.socket.count('update'), 2, 'it was back by itself');
  browser.connection.ice('disconnected');
  await browser.pass(1_500);
  await restarted(3);
  browser.happen('online');
  await settle();
  await restarted(4);
  assert.equal(call.state, 'connected');
});

test('candidates that were found before the call had a name are told once it has', async () => {
  const { browser, phone } = await connected();
  const placing = phone.call('100');
  await settle();
  const { connection } = browser;
  connection.localDescription = { sdp: 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=mid:0\r\n' };
  connection.onicecandidate?.({ candidate: { candidate: 'candidate:one' } });
  await browser.pass(100);
  assert.equal(browser.socket.count('candidate'), 0);
  await browser.socket.answer('call', { callId: 'a1' });
  await placing;
  await browser.pass(100);
  assert.equal(browser.socket.request('candidate').params.callId, 'a1');
  assert.equal(browser.socket.count('candidate'), 1);
});

test('candidates that the gateway tells later are given to the peer connection', async () => {
  const { browser, phone } = await connected();
  await talk(phone, browser);
  const lines = ['a=ice-ufrag:gwUF', 'a=ice-pwd:secret', 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0'];
  const told = ['candidate:H1 1 udp 2 192.0.2.1 5 typ host', 'candidate:H2 1 udp 1 192.0.2.2 5 typ host'];
  const refused = 'a=candidate:T1 1 tcp 3 192.0.2.1 443 typ host tcptype passive';
  const fragment = [...lines, refused, ...told.map((it) => `a=${it}`), ''].join('\r\n');
  browser.socket.event('candidates', { seq: 3, callId: 'a1', fragment });
  await settle();
  const expected = told.map((candidate) => ({ candidate, sdpMid: '0', usernameFragment: 'gwUF' }));
  assert.deepEqual(browser.connection.candidates, expected);
});

test('a change whose connection is lost is made again when the session is back', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const holding = call.hold();
  await settle();
  const socket = await reconnect(browser);
  await socket.answer('resume', resumed('second', [{ callId: 'a1', peer: '100', state: 'connected' }]));
  assert.equal(socket.request('hold').params.sdp, 'offer 3 inactive ice 0');
  await socket.answer('hold', { sdp: 'held' });
  await holding;
});

test('a call goes on over a lost connection, and what happened to it meanwhile is told', async () => {
  const { browser, phone } = await connected();
  const [first, second] = [await talk(phone, browser, 'a1', 2), await talk(phone, browser, 'a2', 3)];
  const digits: string[] = [];
  second.on('dtmf', ({ digit }) => digits.push(digit));
  const incoming: Call[] = [];
  phone.on('incoming', (call) => incoming.push(call));
  const socket = await reconnect(browser);
  const known = [
    { callId: 'a2', peer: '100', state: 'connected' },
    { callId: 'b1', peer: '0301', state: 'incoming', sdp: 'theirs' },
  ];
  await socket.answer('resume', resumed('second', known));
  socket.event('ended', ended(4, 'a1'));
  socket.event('dtmf', { seq: 5, callId: 'a2', digit: '1', durationMs: 100 });
  await ring(browser, 'b1', 6);
  socket.event('dtmf', { seq: 7, callId: 'a2', digit: '2', durationMs: 100 });
  assert.deepEqual([first.state, second.state, digits], ['ended', 'connected', ['1', '2']]);
  assert.deepEqual(incoming.map((call) => call.facts.displayName), ['Bob'], 'once');
  assert.equal(socket.count('update'), 0, 'its path is well');
});

test('a path that went with the connection is looked for anew when the session is back', async () => {
  const { browser, phone } = await connected();
  await talk(phone, browser);
  for (const [isHeard, updates] of [[true, 0], [false, 1]] as const) {
    browser.connection.isHeard = isHeard;
    const socket = await reconnect(browser);
    await socket.answer('resume', resumed('next', [{ callId: 'a1', peer: '100', state: 'connected' }]));
    await browser.pass(400);
    assert.equal(socket.count('update'), updates);
  }
});

test('figures are told of both ends', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const telling = call.statistics();
  await settle();
  await browser.socket.answer('statistics', { packetsReceived: 7 });
  const { gateway, browser: own } = await telling;
  assert.deepEqual([gateway.packetsReceived, own?.packetsReceived], [7, 20]);
});

test('a call of which events are lost is what the gateway says', async () => {
  const { browser, phone } = await connected();
  const gone = await talk(phone, browser, 'a1', 2);
  const socket = await reconnect(browser);
  const incoming: Call[] = [];
  phone.on('incoming', (call) => incoming.push(call));
  await socket.answer('resume', resumed('second', [{ callId: 'b1', peer: '0301', state: 'incoming', sdp: 'theirs' }], true));
  assert.deepEqual([gone.end?.cause, incoming.map(({ peer }) => peer)], ['unknown', ['0301']]);
});

test('a call whose request got no answer is found at the gateway, or placed again', async () => {
  const { browser, phone } = await connected();
  const calling = phone.call('100');
  await settle();
  const socket = await reconnect(browser);
  await socket.answer('resume', resumed('second', [{ callId: 'a1', peer: '100', state: 'calling' }]));
  socket.event('ringing', { seq: 2, callId: 'a1' });
  const call = await calling;
  assert.deepEqual([call.id, call.state, socket.count('call')], ['a1', 'ringing', 0]);
  const again = phone.call('200');
  await settle();
  const next = await reconnect(browser);
  await next.answer('resume', resumed('third', [{ callId: 'a1', peer: '100', state: 'calling' }]));
  await next.answer('call', { callId: 'a2' });
  assert.equal((await again).id, 'a2');
});

test('calls of a session that is gone are over', async () => {
  const { browser, phone } = await connected();
  const call = await talk(phone, browser);
  const socket = await reconnect(browser);
  await socket.refuse('resume', 1009);
  await socket.answer('connect', { session: 't', user: 'alice', resumeToken: 'other', resumeS: 60 });
  assert.deepEqual([call.end?.cause, phone.calls.length], ['signallingLost', 0]);
});

test('a page that was reloaded joins its calls again, and knows whom they are with', async () => {
  const { browser, phone } = await connected();
  await ring(browser, 'b1', 2);
  await talk(phone, browser, 'a1', 3);
  await talk(phone, browser, 'a2', 4);
  browser.happen('pagehide');
  const { browser: tab, phone: reloaded } = page(new FakeBrowser(browser.kept));
  const [restored, incoming]: [Call[], Call[]] = [[], []];
  reloaded.on('restored', (call) => restored.push(call));
  reloaded.on('incoming', (call) => incoming.push(call));
  reloaded.connect();
  tab.socket.open();
  await settle();
  assert.equal(tab.socket.request('resume').params.lastSeen, 4);
  await tab.socket.answer('resume', resumed('second', [
    { callId: 'a1', peer: '100', state: 'connected' },
    { callId: 'a2', peer: '100', state: 'calling' },
    { callId: 'b1', peer: '0301', state: 'incoming', sdp: 'theirs' },
  ]));
  assert.deepEqual(restored.map(({ id, state }) => [id, state]), [['a1', 'connected'], ['a2', 'calling']]);
  assert.deepEqual(incoming.map(({ facts }) => [facts.displayName, facts.headers]), [['Bob', { 'X-Case': '7' }]]);
  assert.deepEqual(tab.socket.request('rejoin').params, { callId: 'a1', sdp: 'offer 1 sendrecv ice 0' });
  await tab.socket.answer('rejoin', { sdp: 'gateway' });
  assert.equal(tab.connection.remoteDescription?.sdp, 'gateway');
  // The answer to an offer that went with the page before.
  tab.socket.event('connected', { seq: 5, callId: 'a2', sdp: 'of no use' });
  await settle();
  assert.equal(tab.socket.request('rejoin').params.callId, 'a2');
  assert.equal(tab.socket.count('rejoin'), 2);
});

/** A call that its page held, in the page that is loaded after it: that asks to join it again. */
async function reloadHeld(): Promise<{ tab: FakeBrowser; call: Call; isHeard: () => boolean }> {
  const { browser, phone } = await connected();
  const held = await talk(phone, browser);
  const holding = held.hold();
  await settle();
  await browser.socket.answer('hold', { sdp: 'held' });
  await holding;
  browser.happen('pagehide');
  const { browser: tab, phone: reloaded } = page(new FakeBrowser(browser.kept));
  const told: unknown[] = [];
  reloaded.on('restored', ({ isHeld, facts }) => told.push([isHeld, Object.keys(facts).includes('isHeld')]));
  reloaded.connect();
  tab.socket.open();
  await settle();
  await tab.socket.answer('resume', resumed('second', [{ callId: 'a1', peer: '100', state: 'connected' }]));
  assert.deepEqual(told, [[true, false]]);
  assert.deepEqual(tab.socket.request('rejoin').params, { callId: 'a1', sdp: 'offer 1 sendrecv ice 0' });
  return { tab, call: reloaded.calls[0] as Call, isHeard: () => tab.stream.track.enabled };
}

async function takeBack(call: Call, tab: FakeBrowser): Promise<void> {
  const resuming = call.resumeMedia();
  await settle();
  await tab.socket.answer('resumeMedia', { sdp: 'taken back' });
  await resuming;
}

test('a call that the page held is held again after a reload, and hears nothing of the page until it is taken back', async () => {
  const { tab, call, isHeard } = await reloadHeld();
  assert.deepEqual([isHeard(), call.isMuted], [false, false]);
  await tab.socket.answer('rejoin', { sdp: 'gateway' });
  assert.deepEqual(tab.socket.request('hold').params, { callId: 'a1', sdp: 'offer 2 inactive ice 0' });
  assert.equal(isHeard(), false);
  await tab.socket.answer('hold', { sdp: 'held' });
  await takeBack(call, tab);
  assert.deepEqual([isHeard(), call.isHeld], [true, false]);
});

test('whoever is muted while a call is held again stays so', async () => {
  const { tab, call, isHeard } = await reloadHeld();
  call.mute();
  await tab.socket.answer('rejoin', { sdp: 'gateway' });
  await tab.socket.answer('hold', { sdp: 'held' });
  await takeBack(call, tab);
  assert.deepEqual([isHeard(), call.isMuted], [false, true]);
  call.mute(false);
  assert.equal(isHeard(), true);
});

test('a call that is muted as soon as it is restored is not heard', async () => {
  const { browser, phone } = await connected();
  await talk(phone, browser);
  browser.happen('pagehide');
  const { browser: tab, phone: reloaded } = page(new FakeBrowser(browser.kept));
  reloaded.on('restored', (call) => call.mute());
  reloaded.connect();
  tab.socket.open();
  await settle();
  await tab.socket.answer('resume', resumed('second', [{ callId: 'a1', peer: '100', state: 'connected' }]));
  assert.deepEqual([tab.socket.count('rejoin'), tab.stream.track.enabled], [1, false]);
});

test('a call that cannot be held again after a reload hears nothing of the page until it is taken back', async () => {
  const { tab, call, isHeard } = await reloadHeld();
  await tab.socket.answer('rejoin', { sdp: 'gateway' });
  await tab.socket.refuse('hold', 1008);
  assert.deepEqual([isHeard(), call.isHeld], [false, true]);
  await takeBack(call, tab);
  assert.equal(isHeard(), true);
});

test('two calls are put together, and the fault is told where that cannot be', async () => {
  const { browser, phone } = await connected();
  const one = await talk(phone, browser, 'a1', 2);
  const other = await talk(phone, browser, 'a2', 3);
  const merging = one.merge(other);
  await settle();
  assert.deepEqual(browser.socket.request('merge').params, { callId: 'a1', withCall: 'a2' });
  await browser.socket.answer('merge', {});
  await merging;
  browser.socket.event('ended', ended(4, 'a2'));
  await settle();
  assert.deepEqual(phone.calls.map(({ id }) => id), ['a1']);
});

test('a supervisor has a call as others have, and changes what it is there', async () => {
  const { browser, phone } = await connected();
  const supervising = phone.supervise('bob', 'listen');
  await settle();
  const { user, mode } = browser.socket.request('supervise').params as { user: string; mode: string };
  assert.deepEqual([user, mode], ['bob', 'listen']);
  await browser.socket.answer('supervise', { callId: 's1' });
  const call = await supervising;
  const speakers: (string | null | undefined)[] = [];
  call.on('speaker', ({ name }) => speakers.push(name));
  browser.socket.event('connected', { seq: 2, callId: 's1', sdp: 'gateway' });
  browser.socket.event('speaker', { seq: 0, callId: 's1', name: 'bob', isSelf: false });
  await settle();
  assert.deepEqual([call.state, speakers], ['connected', ['bob']]);
  const changing = call.setMode('whisper');
  await settle();
  await browser.socket.answer('setMode', {});
  await changing;
});

test('what users do is told who watches them', async () => {
  const { browser, phone } = await connected();
  const told: string[] = [];
  phone.on('presence', ({ user, state }) => told.push(`${user} ${state}`));
  const watching = phone.watch(['bob']);
  await settle();
  await browser.socket.answer('watch', {});
  await watching;
  browser.socket.event('presence', { seq: 0, user: 'bob', state: 'talking' });
  await settle();
  assert.deepEqual(told, ['bob talking']);
});
