import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { root } from '../docs/catalogue.ts';
import { copies, spellingsOf, templates } from './new.ts';

let at: string;
beforeAll(async () => {
  at = await mkdtemp(join(tmpdir(), 'polyb-new-'));
  await Promise.all(
    ['examples', 'adapters/telephony', 'contracts'].map((folder) => cp(join(root, folder), join(at, folder), { recursive: true })),
  );
});
afterAll(() => rm(at, { recursive: true }));
const kinds = ['service', 'pipeline', 'adapter'] as const;

test.each(kinds)('a new %s imports only what is there, and keeps no word of its template', async (kind) => {
  const files = await copies(templates[kind], spellingsOf('table-desk', `new ${kind}`), at, `new ${kind}`);
  const missing = Object.entries(files).flatMap(([path, text]) =>
    [...text.matchAll(/from '(\.[^']+)'/g)]
      .map(([, target = '']) => join(dirname(path), target))
      .filter((target) => !(target in files) && !existsSync(join(root, target))),
  );
  expect(missing).toEqual([]);
  for (const text of Object.values(files)) {
    expect(text).not.toMatch(/greetings|greeter|visits|welcome|bellman|'host'/i);
    expect(() => stripTypeScriptTypes(text)).not.toThrow();
  }
  expect(Object.values(files).join('\n')).toMatch(
    kind === 'adapter' ? /\btable_desk: \{ settings: tableDeskSettings/ : /contract\('table_desk'/,
  );
  expect(Object.keys(files).some((path) => path.endsWith('.test.ts'))).toBe(true);
});

test.each(kinds)('a new %s overwrites nothing', async (kind) => {
  const [first = ''] = Object.values(templates[kind].files(spellingsOf('taken', 'new')));
  await mkdir(dirname(join(at, first)), { recursive: true });
  await writeFile(join(at, first), '');
  await expect(copies(templates[kind], spellingsOf('taken', 'new'), at, 'new')).rejects.toMatchObject({
    code: 'conflict',
    message: `${first} already exists`,
  });
  await rm(join(at, first));
});

test('a name that is no name, a word of the language or of the template is refused', async () => {
  for (const name of [undefined, 'Class', 'a_b', '-a', 'a'.repeat(41)])
    expect(() => spellingsOf(name, 'new')).toThrow(/lower-case letters/);
  expect(() => spellingsOf('class', 'new')).toThrow('class is a reserved word of JavaScript');
  await expect(copies(templates.service, spellingsOf('service', 'new'), at, 'new')).rejects.toThrow(/uses the word service/);
});
