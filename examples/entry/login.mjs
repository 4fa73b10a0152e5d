#!/usr/bin/env node
// A customer's servlet that asks the gateway: whoever logs in to it by HTTP's basic authentication gets what the edge takes.
//
//     API_KEY=wk_... PEOPLE='{"alice": "her password"}' login.mjs PORT https://gateway.example/api/v1     serves GET / on loopback
//
// A page fetches its login here, and logs in by it: by SIP's Digest, or by `connect`. The key has the scope logins:write and is the
// customer's; it stays here. Put TLS in front of it, and people's passwords where you keep them: hashed.
import { serve } from './people.mjs';

const TIMEOUT_MS = 10_000;

const [port, gateway] = process.argv.slice(2);

serve(Number(port), async (user) => {
  const answer = await fetch(`${gateway}/logins`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${process.env.API_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ user, time: Math.floor(Date.now() / 1000) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const told = await answer.json();
  if (answer.status !== 201) throw new Error(`the gateway makes no login: ${told.detail}`);
  return told;
});
