// Drives Firefox as `driver.mjs` drives Chromium, as far as pages need it that phone: launch, open, run, reload and close, and of pages that
// are not ours visit, fill, click, see, hear and noted.

import { Firefox } from './firefox.mjs';
import { hear } from './hear.mjs';
import { serve } from './lines.mjs';
import { prepare } from './prepare.mjs';
import { servePage } from './server.mjs';

const pages = new Map();
let firefox = null;

/** A page of ours is ready a moment after it is loaded. */
const ready = (page) => firefox.evaluate(page, `async () => { while (!window.phone) await new Promise((resolve) => setTimeout(resolve, 20)); }`);

/** How long anything may take to be seen in a page that is not ours, in ms: as Playwright has it. */
const PATIENCE_MS = 30_000;

/** Runs in such a page: waits until an element can be seen that holds a text, and presses it where that is wished. */
async function find(selector, text, presses, patience) {
  for (const until = performance.now() + patience; performance.now() < until;) {
    const all = [...document.querySelectorAll(selector)];
    const found = all.find((element) => element.checkVisibility() && element.textContent.includes(text));
    if (found) return presses ? found.click() : undefined;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no ${selector} with "${text}" in ${patience} ms: ${document.body.innerText}`);
}

/** Runs in such a page: waits until a field can be seen, and fills it in. */
async function fill(selector, text, patience) {
  for (const until = performance.now() + patience; performance.now() < until;) {
    const field = document.querySelector(selector);
    if (field?.checkVisibility()) {
      field.value = text;
      for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no ${selector} in ${patience} ms: ${document.body.innerText}`);
}

const commands = {
  async launch({ browser, sound }) {
    firefox = await Firefox.launch(browser, sound, (page, text) => {
      const [name] = [...pages].find(([, own]) => own === page) ?? ['a page'];
      process.stderr.write(`${name}: ${text}\n`);
    });
    return { origin: await servePage(), pid: firefox.pid };
  },

  async open({ page: name, origin }) {
    const page = await firefox.open(origin);
    pages.set(name, page);
    await ready(page);
  },

  /** As a person does: all that it had is gone. */
  async reload({ page: name }) {
    await firefox.reload(pages.get(name));
    await ready(pages.get(name));
  },

  async visit({ page: name, url, microphone }) {
    pages.set(name, await firefox.visit(url, prepare, microphone ?? { hz: null }));
  },

  async renew({ page }) { await firefox.reload(pages.get(page)); },

  async fill({ page, selector, text }) { await firefox.evaluate(pages.get(page), fill, selector, text, PATIENCE_MS); },

  async click({ page, selector }) { await firefox.evaluate(pages.get(page), find, selector, '', true, PATIENCE_MS); },

  async see({ page, selector, text }) { await firefox.evaluate(pages.get(page), find, selector, text, false, PATIENCE_MS); },

  async noted({ page }) { return firefox.evaluate(pages.get(page), '() => window.noted'); },

  async hear({ page, selector, seconds }) { return firefox.evaluate(pages.get(page), hear, [selector, seconds]); },

  async run({ page, method, arguments: values }) {
    return firefox.evaluate(pages.get(page), '(method, values) => window.phone[method](...values)', method, values);
  },

  async close({ page }) {
    await firefox.close(pages.get(page));
    pages.delete(page);
  },
};

serve(commands, () => firefox?.kill());
