// The test page: one line and its call. Every method of `window.phone` is a command of the driver.

import { connection, hideUdp, watchConnections } from './connection.js';
import { Ear } from './ear.js';
import { Events } from './events.js';
import { Frames } from './frames.js';
import { JssipLine } from './jssip_line.js';
import { openMicrophone } from './microphone.js';
import { SetUp } from './set_up.js';
import { SipjsLine } from './sipjs_line.js';
import { WebtrunkLine } from './webtrunk_line.js';

const LINES = { jssip: JssipLine, sipjs: SipjsLine, webtrunk: WebtrunkLine };

const events = new Events();
const ear = new Ear();
const frames = new Frames();
const sent = new Frames();
let setUp = null;
let line = null;

window.phone = {
  /** `account` holds user, login (of Digest or one that lasts for a while, or null), password, domain, socket; `wish` library, microphone, codecs, opus, watchesFrames, refreshes and plays. */
  async register(account, { library, microphone, codecs, opus, watchesFrames, refreshes, plays }) {
    await ear.open(!plays);
    const onTrack = (stream) => {
      ear.attach(stream);
      setUp?.attach(stream);
    };
    const [onFrame, onSent] = [frames, sent].map((end) => (frame) => end.take(frame));
    watchConnections({ onTrack, ...(watchesFrames && { onFrame, onSent }), codecs, opus });
    line = new LINES[library](account, events, await openMicrophone(microphone), { refreshes, plays });
    await line.start();
  },
  unregister: () => line.stop(),
  call: (target, headers) => line.call(target, headers),
  /** From now on calls can be timed. */
  openSetUp: async () => {
    setUp = new SetUp();
    await setUp.open();
  },
  setUp: (target) => setUp.measure(() => line.call(target)),
  deviceAddress: () => line.deviceAddress(),
  answer: () => line.answer(),
  hangup: (status) => line.hangup(status),
  hold: () => line.hold(),
  resume: () => line.resume(),
  transfer: (target) => line.transfer(target),
  consult: (target) => line.consult(target),
  join: () => line.join(),
  takeBack: () => line.takeBack(),
  merge: () => line.merge(),
  chooseMicrophone: (sound) => line.chooseMicrophone(sound),
  unplug: () => line.unplug(),
  speakers: () => line.speakers(),
  chooseSpeaker: (name) => line.chooseSpeaker(name),
  mute: (isMuted) => line.mute(isMuted),
  muteByGateway: (isMuted) => line.muteByGateway(isMuted),
  record: (wish) => line.record(wish),
  report: () => line.report(),
  write: (target, text) => line.write(target, text),
  writeInCall: (text) => line.writeInCall(text),
  sendInfo: (type, body) => line.sendInfo(type, body),
  watch: (target, event, accept) => line.watch(target, event, accept),
  unwatch: () => line.unwatch(),
  supervise: (user, mode) => line.supervise(user, mode),
  setMode: (mode) => line.setMode(mode),
  hideUdp,
  restartIce: () => line.restartIce(),
  reconnect: () => line.reconnect(),
  /** What the gateway answers whoever proves this, as far as a page of another origin may read it. */
  fetchCredentials: async (url, name, password) => {
    const headers = { Authorization: `Basic ${btoa(`${name}:${password}`)}` };
    const response = await fetch(url, { method: 'POST', headers });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  },
  iceServers: () => connection().getConfiguration().iceServers,
  describe: () => [connection().localDescription.sdp, connection().remoteDescription.sdp],
  sendDigits: (digits, how, duration) => line.sendDigits(digits, how, duration),
  levels: () => line.levels(),
  statistics: () => line.statistics(),
  next: (kind, milliseconds) => events.next(kind, milliseconds),
  taken: (kind) => events.taken(kind),
  listen: (seconds) => ear.listen(seconds),
  collect: (count) => frames.collect(count),
  collectSent: (count) => sent.collect(count),
  stats: async () => [...(await connection().getStats()).values()],
};
