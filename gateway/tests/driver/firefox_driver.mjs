// Drives Firefox as `driver.mjs` drives Chromium, as far as pages of ours need it: launch, open, run, reload and close.

import { Firefox } from './firefox.mjs';
import { serve } from './lines.mjs';
import { servePage } from './server.mjs';

const pages = new Map();
let firefox = null;

/** A page of ours is ready a moment after it is loaded. */
const ready = (page) => firefox.evaluate(page, `async () => { while (!window.phone) await new Promise((resolve) => setTimeout(resolve, 20)); }`);

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

  async run({ page, method, arguments: values }) {
    return firefox.evaluate(pages.get(page), '(method, values) => window.phone[method](...values)', method, values);
  },

  async close({ page }) {
    await firefox.close(pages.get(page));
    pages.delete(page);
  },
};

serve(commands, () => firefox?.kill());
