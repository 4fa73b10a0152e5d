// Bundles src/ into dist/, which the gateway embeds: one script, one style sheet, the page, the
// licences of what was bundled.

import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const OUT = 'dist';

const { metafile } = await build({
  entryPoints: ['src/main.js', 'src/style.css'],
  outdir: OUT,
  bundle: true,
  minify: true,
  sourcemap: false,
  format: 'esm',
  target: ['chrome110', 'firefox115', 'safari16'],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});

await mkdir(OUT, { recursive: true });
await writeFile(join(OUT, 'licenses.txt'), await licenses(Object.keys(metafile.inputs)));
await copyFile('src/icon.svg', join(OUT, 'icon.svg'));
// Last: make takes this file for the whole.
await copyFile('src/index.html', join(OUT, 'index.html'));

/** The licence of every package that a bundled file comes from. */
async function licenses(inputs) {
  const packages = new Set(inputs.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]));
  packages.delete(undefined);
  const texts = [...packages].sort().map(async (folder) => {
    const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? await readFile(join(folder, file), 'utf8') : 'See its package.json.';
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(72)}\n\n`);
}
