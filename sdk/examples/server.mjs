// Serves the examples, and makes the CRM's tokens, as a customer's own web server does:
//
//   TOKEN_KEY=... node server.mjs KEY_ID AUDIENCE USER       then http://localhost:8000/examples/crm.html
//
// Who the person is, a real server knows by its own login; and so it knows her account at a provider, where she has one: ACCOUNT is
// that as JSON, {"user":"4930123457","password":"...","domain":"provider.example"}. The page reads nothing of it.

import { createCipheriv, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';

const [keyId, audience, user] = process.argv.slice(2);
const ROOT = new URL('../', import.meta.url);
const TYPES = { '.html': 'text/html', '.js': 'text/javascript' };

/** A token of our own format (docs/TOKENS.md), good once and for a minute. */
function token() {
  const iat = Math.floor(Date.now() / 1000);
  const account = process.env.ACCOUNT && JSON.parse(process.env.ACCOUNT);
  const claims = { aud: audience, iat, exp: iat + 60, jti: randomBytes(16).toString('base64url'), sub: user, ...(account && { account }) };
  const head = `wt1.${keyId}`;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(process.env.TOKEN_KEY, 'hex'), nonce).setAAD(Buffer.from(head));
  const sealed = [nonce, cipher.update(JSON.stringify(claims)), cipher.final()];
  return `${head}.${Buffer.concat([...sealed, cipher.getAuthTag()]).toString('base64url')}`;
}

/** A file of the examples or of the SDK, and no other. */
async function file(path) {
  if (!/^\/(examples|dist)\/[a-z-]+\.(html|js)$/.test(path)) return null;
  return readFile(new URL(`.${path}`, ROOT)).catch(() => null);
}

createServer(async ({ url }, response) => {
  const { pathname } = new URL(url, 'http://localhost');
  const body = pathname === '/token' ? token() : await file(pathname);
  response.writeHead(body === null ? 404 : 200, { 'Content-Type': TYPES[extname(pathname)] ?? 'text/plain', 'Cache-Control': 'no-store' });
  response.end(body);
}).listen(Number(process.env.PORT ?? 8000), '127.0.0.1', function listening() {
  console.log(`http://localhost:${this.address().port}/examples/dialler.html`);
});
