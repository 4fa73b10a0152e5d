#!/usr/bin/env node
// A customer's servlet: whoever logs in to it by HTTP's basic authentication gets a name and a password for the gateway.
//
//     ENTRY_SECRET=... PEOPLE='{"alice": "her password"}' servlet.mjs PORT KEY_ID     serves GET / on loopback
//     ENTRY_SECRET=... servlet.mjs --print KEY_ID USER                                prints one, for a try
//
// A page fetches them here, and hands them on to POST /api/v1/credentials of the gateway. Put TLS in front of it, and people's
// passwords where you keep them: hashed.
import { createHmac } from 'node:crypto';

import { serve } from './people.mjs';

const LIFETIME_S = 60;

// EXPIRY:USER:KEY_ID, and the Base64 of its HMAC-SHA256.
function credential(keyId, user) {
  const username = `${Math.floor(Date.now() / 1000) + LIFETIME_S}:${user}:${keyId}`;
  const password = createHmac('sha256', process.env.ENTRY_SECRET).update(username).digest('base64');
  return { username, password };
}

const [first, keyId, user] = process.argv.slice(2);
if (first === '--print') {
  console.log(JSON.stringify(credential(keyId, user)));
} else {
  serve(Number(first), async (name) => credential(keyId, name));
}
