import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { lockfileProblems, readLockfile } from './lockfile.ts';

const root = join(import.meta.dirname, '..');
const integrity = 'sha512-x';

test('the lockfile serves every platform and every registry', () => {
  expect(lockfileProblems(readLockfile(root))).toEqual([]);
});

test('a platform’s package taken out of the lockfile is missed', () => {
  const { packages } = readLockfile(root);
  const { 'node_modules/@biomejs/cli-win32-arm64': taken, ...rest } = packages;
  expect(taken).toBeDefined();
  expect(lockfileProblems({ packages: rest })).toEqual(['@biomejs/cli-win32-arm64, optional for node_modules/@biomejs/biome, is missing']);
});

test('an optional package is found beside, above, and at the root', () => {
  const user = { integrity, optionalDependencies: { native: '1' } };
  const places = ['node_modules/a/node_modules/b/node_modules/native', 'node_modules/a/node_modules/native', 'node_modules/native'];
  for (const place of places) {
    expect(lockfileProblems({ packages: { 'node_modules/a/node_modules/b': user, [place]: { integrity } } })).toEqual([]);
  }
  expect(lockfileProblems({ packages: { 'node_modules/a': user, 'node_modules/c/node_modules/native': { integrity } } })).toHaveLength(1);
});

test('a package without integrity and one with an address are named', () => {
  const packages = { '': {}, 'node_modules/a': {}, 'node_modules/b': { integrity, resolved: 'https://registry.example/b.tgz' } };
  expect(lockfileProblems({ packages })).toEqual(['node_modules/a has no integrity', "node_modules/b names a registry's address"]);
});
