// Firefox by WebDriver BiDi, which it speaks itself: as much of it as pages of ours need. Its clock of sound is a sound card's: where
// there is none it plays nothing, and so it gets one of PulseAudio that plays to nobody. It has no candidates on loopback.

import { spawn } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const PREFERENCES = {
  // A microphone that there is not: a tone, for which nobody is asked.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // It asks nobody outside of this machine for anything.
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
};

/** A Firefox that runs. */
export class Firefox {
  #process;
  #sound;
  #folder;
  #socket;
  #waiting = new Map();
  #count = 0;
  #onLog;

  /** Starts these programs; what pages write on their consoles is told to `onLog`. */
  static async launch(program, sound, onLog) {
    const firefox = new Firefox();
    firefox.#onLog = onLog;
    const folder = await mkdtemp(join(tmpdir(), 'webtrunk-firefox-'));
    firefox.#folder = folder;
    const card = join(folder, 'card');
    const env = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, PULSE_SERVER: `unix:${card}` };
    const modules = ['module-null-sink rate=48000', `module-native-protocol-unix socket=${card} auth-anonymous=1`];
    const cardOptions = ['-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', '--disable-shm=yes'];
    firefox.#sound = spawn(sound, [...cardOptions, ...modules.map((it) => `--load=${it}`)], { stdio: 'ignore', env });
    while (!await access(card).then(() => true, () => false)) await new Promise((resolve) => setTimeout(resolve, 20));

    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
    await writeFile(join(folder, 'user.js'), lines.join('\n'));
    const options = ['--headless', '--no-remote', '--profile', folder, '--remote-debugging-port', '0'];
    firefox.#process = spawn(program, options, { stdio: ['ignore', 'ignore', 'pipe'], env });
    const address = await new Promise((resolve, reject) => {
      firefox.#process.on('exit', (code) => reject(new Error(`Firefox ended with ${code}`)));
      createInterface({ input: firefox.#process.stderr }).on('line', (line) => {
        const [, url] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
        if (url) resolve(url);
      });
    });
    await firefox.#open(`${address}/session`);
    return firefox;
  }

  get pid() { return this.#process.pid; }

  /** Opens a page; gives its name. */
  async open(url) {
    const { context } = await this.#send('browsingContext.create', { type: 'tab' });
    await this.#send('browsingContext.navigate', { context, url, wait: 'complete' });
    return context;
  }

  /** Opens a page that is not ours, in which this function is called with these values before anything of its own. */
  async visit(url, body, ...values) {
    const { context } = await this.#send('browsingContext.create', { type: 'tab' });
    const functionDeclaration = `() => (${body})(...${JSON.stringify(values)})`;
    await this.#send('script.addPreloadScript', { functionDeclaration, contexts: [context] });
    await this.#send('browsingContext.navigate', { context, url, wait: 'complete' });
    return context;
  }

  /** Calls a function in a page; gives what comes of it, once it has. */
  async evaluate(page, body, ...values) {
    const { type, result, exceptionDetails } = await this.#send('script.callFunction', {
      functionDeclaration: `async (text) => JSON.stringify(await (${body})(...JSON.parse(text)) ?? null)`,
      arguments: [{ type: 'string', value: JSON.stringify(values) }],
      target: { context: page },
      awaitPromise: true,
    });
    if (type === 'exception') throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }

  /** Loads a page anew. */
  async reload(page) { await this.#send('browsingContext.reload', { context: page, wait: 'complete' }); }

  async close(page) { await this.#send('browsingContext.close', { context: page }); }

  async kill() {
    this.#process.removeAllListeners('exit');
    [this.#process, this.#sound].forEach((it) => it.kill('SIGKILL'));
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #open(url) {
    this.#socket = new WebSocket(url);
    this.#socket.on('message', (data) => {
      const { id, method, params, error, message, result } = JSON.parse(data);
      if (method === 'log.entryAdded') return this.#onLog(params.source.context, params.text);
      const { resolve, reject } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (error) reject?.(new Error(`${error}: ${message}`));
      else resolve?.(result);
    });
    await new Promise((resolve, reject) => { this.#socket.on('open', resolve); this.#socket.on('error', reject); });
    await this.#send('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    await this.#send('session.subscribe', { events: ['log.entryAdded'] });
  }

  #send(method, params) {
    this.#count += 1;
    const id = this.#count;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}
