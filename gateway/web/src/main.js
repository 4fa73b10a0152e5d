// The test phone: one line, one call at a time.
//
// `window.webtrunk` is for tests: the user agent and the newest session, as JsSIP knows them.

import { fetchDemo, rememberedUser, rememberUser } from './demo.js';
import { Phone } from './phone.js';
import { View } from './view.js';

const view = new View();
let phone = null;

window.webtrunk = Object.freeze({
  get ua() { return phone?.ua ?? null; },
  get session() { return phone?.session ?? null; },
  get state() { return phone?.state ?? null; },
});

function signIn(user, password) {
  phone?.stop();
  phone = new Phone({ user, password, host: location.hostname, socket: socketUrl() });
  view.attach(phone);
  phone.start();
}

// Who closes the page hangs up; the other side need not wait until the silence is noticed.
addEventListener('pagehide', () => phone?.stop());

function socketUrl() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${location.host}/sip`;
}

function startDemo(demo, chosen) {
  const names = demo.users.map((user) => user.name);
  const use = (name) => {
    const { password } = demo.users.find((user) => user.name === name);
    rememberUser(name);
    view.showShortcuts([...demo.numbers, ...names.filter((other) => other !== name).map((other) => ({ number: other, title: other }))]);
    signIn(name, password);
    phone.addEventListener('line', ({ detail }) => detail.isRefused && renew(name, password));
  };
  view.showUsers(names, chosen, use);
  if (demo.media_addresses.length === 0) {
    view.notice('This machine has no network address besides loopback, and browsers send no audio over loopback: calls connect and stay silent. Connect it to any network, and start the demo again.');
  }
  use(chosen);
}

function askWho(fault = '') {
  view.showSignIn(fault, (user, password) => {
    signIn(user, password);
    const mine = phone;
    phone.addEventListener('line', ({ detail }) => {
      if (!detail.isRefused || phone !== mine) return;
      phone.stop();
      askWho('Wrong user or password');
    });
  });
}

/** A demo that was started again has other passwords. */
async function renew(name, refused) {
  const demo = await fetchDemo();
  const user = demo?.users.find((known) => known.name === name);
  if (user && user.password !== refused) startDemo(demo, name);
}

async function start() {
  if (!navigator.mediaDevices) {
    view.notice('The browser gives this page no microphone. Open it as http://localhost or over HTTPS.');
  }
  const demo = await fetchDemo();
  if (demo) {
    startDemo(demo, rememberedUser(demo.users.map((user) => user.name)) ?? demo.suggested_user);
  } else {
    askWho();
  }
}

start().catch((error) => view.notice(`The phone did not start: ${error.message}`));
