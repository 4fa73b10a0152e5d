// Drives Chromium for a test that speaks JSON lines (`lines.mjs`).
//
//   {"id":1,"do":"launch","microphone":"speech.wav"}   -> {"id":1,"value":{"origin":"...","pid":42}}
//   {"id":2,"do":"open","page":"alice"}
//   {"id":3,"do":"run","page":"alice","method":"call","arguments":["9196"]}
//   {"id":4,"do":"close","page":"alice"}
//   {"id":5,"do":"reload","page":"alice"}
//
// A page that is not ours is used as a person uses it:
//
//   {"id":6,"do":"visit","page":"other","url":"http://...","microphone":{"hz":600,"peak":0.2}}
//   {"id":7,"do":"fill","page":"other","selector":"#target","text":"9196"}
//   {"id":8,"do":"click","page":"other","selector":"#dial"}
//   {"id":9,"do":"see","page":"other","selector":"#status","text":"Connected"}
//   {"id":10,"do":"value","page":"other","selector":"#level"}
//   {"id":11,"do":"hear","page":"other","selector":"audio","seconds":2}
//   {"id":12,"do":"noted","page":"other"}     -> {"id":12,"value":["#card","sounds"]}
//   {"id":13,"do":"layout","page":"other","width":794,"media":"print"}
//   {"id":14,"do":"renew","page":"other"}
//
// The browser ends when standard input does.

import { chromium } from 'playwright-core';
import { hear } from './hear.mjs';
import { layout } from './layout.mjs';
import { serve } from './lines.mjs';
import { prepare } from './prepare.mjs';
import { servePage } from './server.mjs';

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--allow-loopback-in-peer-connection',
  // The gateway's certificates are made by its test.
  '--ignore-certificate-errors',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

const pages = new Map();
let server = null;
let context = null;

const commands = {
  /** Starts the browser, whose microphone plays `microphone` over and over; with null it has the devices that PulseAudio has, and plays by them. */
  async launch({ browser, microphone }) {
    const fakes = ['--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${microphone}`];
    const args = microphone === null ? FLAGS : [...FLAGS, ...fakes];
    const ignoreDefaultArgs = microphone === null ? ['--mute-audio'] : [];
    server = await chromium.launchServer({ executablePath: browser, headless: true, args, ignoreDefaultArgs });
    const connection = await chromium.connect(server.wsEndpoint());
    context = await connection.newContext();
    return { origin: await servePage(), pid: server.process().pid };
  },

  async open({ page: name, origin }) {
    await commands.visit({ page: name, url: origin });
    await pages.get(name).waitForFunction('window.phone');
  },

  /** `microphone` is what a page that is not ours says: a tone, or null for what the browser's microphone does. */
  async visit({ page: name, url, microphone }) {
    const page = await context.newPage();
    if (microphone !== undefined) await page.addInitScript(prepare, microphone ?? { hz: null });
    const tell = (text) => process.stderr.write(`${name}: ${text}\n`);
    page.on('console', (message) => tell(message.text()));
    page.on('pageerror', (error) => tell(`page error: ${error.message}`));
    pages.set(name, page);
    await page.goto(url);
  },

  async fill({ page, selector, text }) { await pages.get(page).fill(selector, text); },

  async click({ page, selector }) { await pages.get(page).click(selector); },

  async see({ page, selector, text }) {
    await pages.get(page).locator(selector, { hasText: text }).waitFor();
  },

  async value({ page, selector }) {
    return pages.get(page).locator(selector).evaluate((element) => element.value ?? element.textContent);
  },

  /** What a visited page has shown, and whether it has sounded, in order. */
  async noted({ page }) { return pages.get(page).evaluate('window.noted'); },

  /** What an audio element plays, from the moment on at which it has something to play. */
  async hear({ page, selector, seconds }) { return pages.get(page).evaluate(hear, [selector, seconds]); },

  /** How a visited page with plots looks in a window of this width, or printed. */
  async layout({ page: name, width, media }) {
    const page = pages.get(name);
    await page.setViewportSize({ width, height: 1000 });
    await page.emulateMedia({ media });
    return page.evaluate(layout);
  },

  async run({ page, method, arguments: values }) {
    return pages.get(page).evaluate(([method, values]) => window.phone[method](...values), [method, values]);
  },

  /** Loads a page of ours anew, as a person does: all that it had is gone. */
  async reload({ page: name }) {
    await pages.get(name).reload();
    await pages.get(name).waitForFunction('window.phone');
  },

  /** The same of one that is not ours. */
  async renew({ page }) { await pages.get(page).reload(); },

  async close({ page }) {
    await pages.get(page).close();
    pages.delete(page);
  },
};

serve(commands, () => server?.kill());
