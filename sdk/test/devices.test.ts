import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, settle } from './fakes.js';

const HEADSET = { kind: 'audioinput', deviceId: 'headset', label: 'Headset' };
const BUILT_IN = { kind: 'audioinput', deviceId: 'built-in', label: 'Built-in' };
const SPEAKER = { kind: 'audiooutput', deviceId: 'speaker', label: 'Speaker' };

test('devices are listed by their kinds', async () => {
  const { browser, phone } = await connected();
  await browser.plug(HEADSET, BUILT_IN, SPEAKER);
  assert.deepEqual(await phone.devices.microphones(), [{ id: 'headset', name: 'Headset' }, { id: 'built-in', name: 'Built-in' }]);
  assert.deepEqual(await phone.devices.speakers(), [{ id: 'speaker', name: 'Speaker' }]);
});

test('a microphone is changed in a call without an offer, and the usual one takes the place of one that is pulled out', async () => {
  const { browser, phone } = await connected();
  await browser.plug(HEADSET, BUILT_IN);
  const calling = phone.call('100');
  await settle();
  await browser.socket.answer('call', { callId: 'a1' });
  const call = await calling;
  call.mute();
  const before = browser.stream;
  phone.devices.chooseMicrophone('headset');
  await settle();
  const sender = () => browser.connection.transceivers[0]?.sender.track;
  assert.deepEqual([sender().device, sender().enabled, before.track.isStopped], ['headset', false, true]);
  const told: string[] = [];
  phone.devices.on('unplugged', (which) => told.push(which));
  await browser.plug(BUILT_IN);
  assert.deepEqual([told, phone.devices.microphone, sender().device], [['microphone'], '', '']);
  assert.equal(browser.socket.count('update'), 0);
});

test('what was not chosen may come and go', async () => {
  const { browser, phone } = await connected();
  await browser.plug(HEADSET, BUILT_IN);
  phone.devices.chooseMicrophone('built-in');
  const told: string[] = [];
  phone.devices.on('unplugged', (which) => told.push(which));
  phone.devices.on('changed', () => told.push('changed'));
  await browser.plug(BUILT_IN);
  assert.deepEqual(told, ['changed']);
});

test('calls are heard by the chosen speaker, those that there are too, and by the usual one when that is pulled out', async () => {
  const { browser, phone } = await connected();
  await browser.plug(BUILT_IN, SPEAKER);
  const call = async (callId: string): Promise<void> => {
    const calling = phone.call('100');
    await settle();
    await browser.socket.answer('call', { callId });
    await calling;
  };
  const speakers = (): string[] => browser.audios.map(({ speaker }) => speaker);
  await call('a1');
  phone.devices.chooseSpeaker('speaker');
  await settle();
  await call('a2');
  assert.deepEqual(speakers(), ['speaker', 'speaker']);
  const told: string[] = [];
  phone.devices.on('unplugged', (which) => told.push(which));
  await browser.plug(BUILT_IN);
  assert.deepEqual([told, phone.devices.speaker, speakers()], [['speaker'], '', ['', '']]);
});
