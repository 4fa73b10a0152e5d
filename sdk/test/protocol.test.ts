import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gatewayCodes } from '../src/fault.js';

/** The folder of the package; this file runs out of build/test. */
const ROOT = new URL('../../', import.meta.url);

const read = (path: string) => readFile(new URL(path, ROOT), 'utf8');

test('the types are those of the schema in the documents', async () => {
  const { protocol } = await import(new URL('scripts/protocol.mjs', ROOT).href);
  const schema = JSON.parse(await read('../docs/json-api.schema.json'));
  assert.equal(await read('src/protocol.ts'), protocol(schema), 'make them anew: npm run protocol');
});

test('every error of the documents has a cure', async () => {
  const document = await read('../docs/JSON_API.md');
  const told = [...document.matchAll(/^\| (-?\d+) \| `(\w+)` \|/gm)].map(([, code, name]) => [Number(code), name]);
  assert.ok(told.length > 10);
  assert.deepEqual(Object.fromEntries(told), Object.fromEntries(gatewayCodes()));
});
