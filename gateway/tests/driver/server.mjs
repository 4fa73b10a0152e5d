// Serves the test page on loopback: a secure context, which a microphone needs.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { build } from 'esbuild';

const FOLDER = new URL('page/', import.meta.url);

/** Bundles and serves the page; gives its origin. */
export async function servePage() {
  const bundle = await build({
    entryPoints: [new URL('main.js', FOLDER).pathname],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'chrome110',
    logLevel: 'warning',
  });
  const files = {
    '/': ['text/html', '<!doctype html><title>Test</title><script type="module" src="main.js"></script>'],
    '/main.js': ['text/javascript', bundle.outputFiles[0].text],
    '/tap.js': ['text/javascript', await readFile(new URL('tap.js', FOLDER))],
  };
  const server = createServer((request, response) => {
    const [type, body] = files[request.url] ?? [];
    response.writeHead(body ? 200 : 404, { 'Content-Type': type ?? 'text/plain' });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://localhost:${server.address().port}`;
}
