// Makes a token for a page: `sealed KEY_ID AUDIENCE` or `bridge APP`, the account as JSON on standard input.
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const LIFETIME_S = 60;
const now = () => Math.floor(Date.now() / 1000);

// wt1.KEY_ID.BASE64URL(nonce | AES-256-GCM | tag); what stands before the last dot is authenticated too.
export function sealed(keyId, key, audience, account) {
  const iat = now();
  const claims = { aud: audience, iat, exp: iat + LIFETIME_S, jti: randomBytes(16).toString('base64url'), account };
  const head = `wt1.${keyId}`;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(head));
  const body = [nonce, cipher.update(JSON.stringify(claims)), cipher.final()];
  return `${head}.${Buffer.concat([...body, cipher.getAuthTag()]).toString('base64url')}`;
}

// APP:HEX.MAC, as the web call server has it and a MAC behind it.
export function bridge(app, key, macKey, account) {
  const names = {
    user: 'login', auth_name: 'authenticationName', password: 'password', domain: 'domain',
    outbound_proxy: 'outboundProxy', port: 'port', visible_name: 'visibleName',
  };
  const escape = (text) => String(text).replace(/[&<"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const attributes = Object.entries(account).map(([name, value]) => ` ${names[name]}="${escape(value)}"`);
  // In nanoseconds, which are more than a number holds.
  const xml = `<root${attributes.join('')} expires="${now() + LIFETIME_S}000000000"/>`;
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const signed = `${app}:${Buffer.concat([cipher.update(xml), cipher.final()]).toString('hex')}`;
  return `${signed}.${createHmac('sha256', macKey).update(`gw-token-v1.${signed}`).digest('base64url')}`;
}

const [kind, name, audience] = process.argv.slice(2);
const account = JSON.parse(readFileSync(0, 'utf8'));
const key = Buffer.from(process.env.TOKEN_KEY, 'hex');
console.log(kind === 'sealed' ? sealed(name, key, audience, account) : bridge(name, key, process.env.MAC_KEY, account));
