import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bringDictionary } from './dictionary.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'polyb-dictionary-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A PostgreSQL's folders, with or without the dictionary, and a package of hunspell that was unpacked before. */
function folders(share: string, { isUnpacked = true } = {}) {
  const words = join(root, 'pg', share, 'tsearch_data');
  const programs = share.includes('15') ? join(root, 'pg', 'lib/postgresql/15/bin') : join(root, 'pg', 'bin');
  for (const folder of [words, programs]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(words, 'russian.stop'), 'и\n');
  const servers = join(root, 'servers');
  const hunspell = join(servers, 'hunspell-ru/usr/share/hunspell');
  mkdirSync(isUnpacked ? hunspell : servers, { recursive: true });
  if (isUnpacked) {
    writeFileSync(join(hunspell, 'ru_RU.aff'), Buffer.concat([Buffer.from('SET KOI8-R\n# '), Buffer.from([0xd2, 0xcf, 0xda, 0xc1])]));
    writeFileSync(join(hunspell, 'ru_RU.dic'), Buffer.from([0xd2, 0xcf, 0xda, 0xc1]));
  }
  return { words, servers, postgres: join(programs, 'postgres') };
}
const isOnHost = existsSync('/usr/share/hunspell/ru_RU.aff');

test.each(['share/postgresql', 'share', 'share/postgresql/15'])(
  'a PostgreSQL of our own gets the dictionary into %s, in UTF-8, once',
  async (share) => {
    const { words, servers, postgres } = folders(share);
    const bring = () => bringDictionary({ postgres, majorVersion: 15, origin: 'unpacked' }, { servers, unpack: false });
    expect(await bring()).toBe(true);
    expect(readdirSync(words).sort()).toEqual(['ru_ru.affix', 'ru_ru.dict', 'russian.stop']);
    const dictionary = readFileSync(join(words, 'ru_ru.dict'), 'utf8');
    expect(isOnHost ? dictionary.includes('\nроза') : dictionary).toBe(isOnHost ? true : 'роза');
    expect(statSync(join(words, 'ru_ru.dict')).mode & 0o777).toBe(0o644);
    writeFileSync(join(words, 'ru_ru.dict'), 'as it is');
    expect([await bring(), readFileSync(join(words, 'ru_ru.dict'), 'utf8')]).toEqual([true, 'as it is']);
  },
);

test('a PostgreSQL of the host is left as it is', async () => {
  const { words, servers, postgres } = folders('share/postgresql/15');
  expect(await bringDictionary({ postgres, majorVersion: 15, origin: 'path' }, { servers, unpack: false })).toBe(false);
  expect(readdirSync(words)).toEqual(['russian.stop']);
});

test('where the files cannot be put there is none, and no half of one', async () => {
  const { words, servers, postgres } = folders('share');
  mkdirSync(join(words, 'ru_ru.affix'));
  expect(await bringDictionary({ postgres, majorVersion: 15, origin: 'unpacked' }, { servers, unpack: false })).toBe(false);
  expect(readdirSync(words).sort()).toEqual(['ru_ru.affix', 'russian.stop']);
});

test('without a package within reach there is none, and no half of one', async () => {
  const { words, servers, postgres } = folders('share', { isUnpacked: false });
  expect(await bringDictionary({ postgres, majorVersion: 15, origin: 'unpacked' }, { servers, unpack: false })).toBe(isOnHost);
  expect(readdirSync(words)).toHaveLength(isOnHost ? 3 : 1);
});
