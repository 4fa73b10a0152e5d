import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../src/backoff.js';
import { WebtrunkError } from '../src/fault.js';
import { BEGUN, FakeBrowser, PROOF, URL, connected, page, reconnect, resumed, settle } from './fakes.js';

test('a phone connects by its proof and is told who it is', async () => {
  const { browser, phone } = page(new FakeBrowser(), { displayName: 'Alice' });
  const states: string[] = [];
  phone.on('state', (state) => states.push(state));
  const isThere = phone.connect();
  assert.deepEqual([browser.socket.url, browser.socket.protocol], [URL, 'webtrunk.v1.json']);
  browser.socket.open();
  await settle();
  assert.deepEqual(browser.socket.request('connect').params, { proof: PROOF, displayName: 'Alice' });
  await browser.socket.answer('connect', BEGUN);
  await isThere;
  assert.equal(phone.user, 'alice');
  assert.deepEqual(states, ['connecting', 'connected']);
});

test('a call looks for its path by the servers that the gateway tells of', async () => {
  const { browser, phone } = page();
  const isThere = phone.connect();
  browser.socket.open();
  await settle();
  const servers = [{ urls: ['turn:turn.example'], username: '1764291600:alice', credential: 'x' }, { urls: ['stun:stun.example'] }];
  await browser.socket.answer('connect', { ...BEGUN, iceServers: servers });
  await isThere;
  void phone.call('100');
  await settle();
  assert.deepEqual(browser.configurations.map(({ iceServers }) => iceServers), [servers]);
});

test('a proof that is refused ends the phone with a cure', async () => {
  const { browser, phone } = page();
  const isThere = phone.connect();
  browser.socket.open();
  await settle();
  const told = assert.rejects(isThere, (fault: unknown) => {
    assert.ok(fault instanceof WebtrunkError);
    assert.deepEqual([fault.code, fault.kind], [1002, 'notAccepted']);
    assert.match(fault.cure, /new token/);
    return true;
  });
  await browser.socket.refuse('connect', 1002, 'the proof is not accepted');
  await told;
  await browser.pass(60_000);
  assert.deepEqual([phone.state, browser.sockets.length], ['closed', 1]);
});

test('a page is told that it can be called, and where its account stands', async () => {
  const { browser, phone } = page();
  const told: unknown[] = [];
  phone.on('registration', ({ state, account }) => told.push([state, account]));
  const isThere = phone.connect();
  browser.socket.open();
  await settle();
  await browser.socket.answer('connect', BEGUN);
  browser.socket.event('registration', { seq: 1, state: 'registered', account: 'registering' });
  browser.socket.event('registration', { seq: 2, state: 'registered', account: 'failing' });
  await isThere;
  assert.deepEqual(told, [['registered', 'registering'], ['registered', 'failing']]);
});

test('a fault names the parameter', async () => {
  const { browser, phone } = await connected();
  const writing = phone.write('bob', '');
  const told = assert.rejects(writing, { code: -32602, kind: 'invalidParams', field: 'text' });
  await browser.socket.refuse('message', -32602, 'params.text: must be 1 to 16384 octets', 'text');
  await told;
});

test('a connection that is lost comes back by the resume token and tells what was missed once and in order', async () => {
  const { browser, phone } = await connected();
  const texts: string[] = [];
  phone.on('message', ({ text }) => texts.push(text));
  const write = (seq: number) => browser.socket.event('message', { seq, from: 'bob', displayName: '', text: String(seq) });
  write(2);
  const socket = await reconnect(browser);
  assert.deepEqual(socket.request('resume').params, { token: 'first', lastSeen: 2 });
  assert.equal(socket.count('connect'), 0);
  await socket.answer('resume', resumed('second'));
  [2, 3, 4].forEach(write);
  assert.deepEqual(texts, ['2', '3', '4']);
  const next = await reconnect(browser);
  assert.deepEqual(next.request('resume').params, { token: 'second', lastSeen: 4 }, 'each token once');
});

test('a session that is gone begins anew by a new proof', async () => {
  let asked = 0;
  const proof = () => { asked += 1; return { kind: 'token', token: `number ${asked}` } as const; };
  const { browser, phone } = await connected({ proof });
  const socket = await reconnect(browser);
  await socket.refuse('resume', 1009);
  assert.deepEqual(socket.request('connect').params, { proof: { kind: 'token', token: 'number 2' } });
  await socket.answer('connect', { ...BEGUN, resumeToken: 'other' });
  assert.equal(phone.state, 'connected');
});

test('waits double and are cut at random by up to half', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 99].map((failures) => backoffMs(failures, 0)), [200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.equal(backoffMs(2, 1), 400);
});

test('a gateway that is away is tried ever more slowly, and at once when the network is back', async () => {
  const { browser, phone } = page();
  phone.connect();
  const tries: number[] = [];
  for (const wait of [200, 400, 800]) {
    browser.socket.cut();
    await browser.pass(wait - 1);
    tries.push(browser.sockets.length);
    await browser.pass(1);
  }
  assert.deepEqual([tries, browser.sockets.length], [[1, 2, 3], 4]);
  browser.socket.cut();
  browser.happen('online');
  assert.equal(browser.sockets.length, 5);
});

test('a gateway that lets pages in and throws them out is tried ever more slowly too', async () => {
  const { browser } = await connected();
  browser.socket.cut();
  await browser.pass(200);
  browser.socket.open();
  await settle();
  await browser.socket.answer('resume', resumed('second'));
  browser.socket.cut();
  await browser.pass(399);
  assert.equal(browser.sockets.length, 2);
  await browser.pass(1);
  assert.equal(browser.sockets.length, 3);
});

test('a connection that answers no ping is given up', async () => {
  const { browser, phone } = await connected();
  await browser.pass(30_000);
  assert.deepEqual(browser.socket.request('ping').params, { lastSeen: 1 });
  assert.deepEqual([phone.state, browser.socket.count('ping')], ['connected', 2]);
  browser.socket.isDead = true;
  await browser.pass(15_000 + 4_999);
  assert.equal(phone.state, 'connected');
  await browser.pass(1);
  assert.equal(browser.sockets[0]?.isClosedByPage, true);
  assert.equal(phone.state, 'waiting');
});

test('after a change of networks a dead connection is found out in a second', async () => {
  const { browser, phone } = await connected();
  browser.socket.isDead = true;
  browser.happen('online');
  await browser.pass(1_000);
  assert.equal(phone.state, 'waiting');
});

test('a request whose connection is lost says so', async () => {
  const { browser, phone } = await connected();
  const told = assert.rejects(phone.write('bob', 'hello'), { kind: 'connectionLost' });
  browser.socket.cut();
  await told;
});

test('a page that another has replaced stays away', async () => {
  const { browser, phone } = await connected();
  let isTold = false;
  phone.on('replaced', () => { isTold = true; });
  browser.socket.event('replacedSession', { seq: 0 });
  browser.socket.cut();
  await browser.pass(60_000);
  assert.deepEqual([isTold, phone.state, browser.sockets.length], [true, 'closed', 1]);
});

test('a reload finds the session, and a duplicated tab does not', async () => {
  const { browser } = await connected();
  assert.equal(browser.kept.size, 0, 'while the page is there nothing is kept');
  browser.happen('pagehide');
  const duplicate = new Map(browser.kept);
  const next = page(new FakeBrowser(browser.kept));
  next.phone.connect();
  assert.equal(browser.kept.size, 0, 'a token is good once');
  next.browser.socket.open();
  await settle();
  assert.deepEqual(next.browser.socket.request('resume').params, { token: 'first', lastSeen: 1 });
  assert.equal(duplicate.size, 1);
});

test('a phone that disconnects says so and stays away until it is asked', async () => {
  const { browser, phone } = await connected();
  const leaving = phone.disconnect();
  await browser.socket.answer('disconnect', {});
  await leaving;
  await browser.pass(60_000);
  assert.deepEqual([phone.state, browser.sockets.length], ['closed', 1]);
  phone.connect();
  browser.socket.open();
  await settle();
  assert.equal(browser.socket.count('connect'), 1);
});
