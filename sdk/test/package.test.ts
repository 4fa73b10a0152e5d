import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** The folder of the package; this file runs out of build/test. */
const ROOT = new URL('../../', import.meta.url);

/** What `npm pack` tells of a package. */
interface Packed {
  filename: string;
  files: { path: string }[];
}

test('what npm packs is a phone by its name, needs nothing beside it and has no file that nobody needs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'webtrunk-package-'));
  try {
    const told = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT, encoding: 'utf8' });
    const [packed] = JSON.parse(told) as [Packed];
    const paths = packed.files.map(({ path }) => path);
    for (const path of ['dist/index.js', 'dist/index.d.ts', 'examples/crm.html']) assert.ok(paths.includes(path), path);
    assert.deepEqual(paths.filter((path) => !/^(dist|examples)\/|^(README\.md|package\.json)$/.test(path)), []);
    const installed = join(folder, 'node_modules', 'webtrunk');
    await mkdir(installed, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, packed.filename), '-C', installed, '--strip-components=1']);
    assert.equal(JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')).dependencies, undefined);
    await writeFile(join(folder, 'page.mjs'), "import { Phone, WebtrunkError } from 'webtrunk';\nconsole.log(typeof Phone, typeof WebtrunkError);\n");
    assert.equal(execFileSync(process.execPath, ['page.mjs'], { cwd: folder, encoding: 'utf8' }), 'function function\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('each example is a page of sixty lines at most', async () => {
  for (const example of ['dialler', 'crm', 'supervisor']) {
    const lines = (await readFile(new URL(`examples/${example}.js`, ROOT), 'utf8')).trimEnd().split('\n');
    assert.ok(lines.length <= 60, `${example} has ${lines.length} lines`);
    assert.ok(lines.every((line) => line.length <= 150), `${example} has lines that nobody reads`);
  }
});
