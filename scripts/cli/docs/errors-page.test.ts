import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { codes } from '../../../contracts/kit/errors.ts';

const root = join(import.meta.dirname, '..', '..', '..');

test('every reason with a cure in docs/errors.md is a reason of the code', async () => {
  const page = await readFile(join(root, 'docs', 'errors.md'), 'utf8');
  const listed = [...page.matchAll(/^\| (`[a-z_`, ]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z_]+)`/g)].map(([, word]) => word),
  );
  expect(listed.length).toBeGreaterThan(30);
  const folders = ['adapters', 'bus', 'config', 'contracts', 'runtime', 'scripts', 'services'];
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(join(root, folder), { recursive: true })).map((file) => join(root, folder, file))),
  );
  const sources = files.flat().filter((file) => /(?<!\.test)\.ts$/.test(file));
  const code = (await Promise.all(sources.map((file) => readFile(file, 'utf8')))).join('\n');
  const declared = new RegExp(`([a-z_]+): '(?:${Object.keys(codes).join('|')})'`, 'g');
  const given = /'([a-z_]+)'/g;
  const reasons = new Set([declared, given].flatMap((pattern) => [...code.matchAll(pattern)].map(([, word]) => word)));
  expect(listed.filter((word) => !reasons.has(word))).toEqual([]);
});
