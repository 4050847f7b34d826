/** hunspell's dictionary of Russian among the files of a PostgreSQL, by which it knows the forms of words. */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasDebianTools, unpackDebian } from './debian.ts';
import { type FindOptions, serversDir } from './find-program.ts';
import type { Postgres } from './postgres.ts';

/** Names that PostgreSQL knows the two files by, and those of the package. */
const files = { 'ru_ru.affix': 'ru_RU.aff', 'ru_ru.dict': 'ru_RU.dic' } as const;
const installed = '/usr/share/hunspell';
const patienceMs = 60_000;

/**
 * Puts the dictionary where this PostgreSQL looks for it: taken from the host, else unpacked from Debian's package without installing it.
 * Only a PostgreSQL of our own is touched. A repeat returns at once; the server need not be restarted.
 * @returns whether it is there now
 */
export async function bringDictionary(
  { postgres, majorVersion, origin }: Pick<Postgres, 'postgres' | 'majorVersion' | 'origin'>,
  { servers = serversDir, unpack = true, signal }: FindOptions = {},
): Promise<boolean> {
  const folder = wordsFolder(dirname(postgres), majorVersion);
  if (folder === null) return false;
  if (Object.keys(files).every((file) => existsSync(join(folder, file)))) return true;
  if (origin !== 'unpacked') return false;
  const source = await findSource(servers, unpack, signal);
  if (source === null) return false;
  try {
    await copyWords(source, folder);
    return true;
  } catch {
    return false; // files that are not ours to read or to write, or not a dictionary: as good as none, which is put up with
  }
}

async function copyWords(source: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(folder, 'brought-'));
  try {
    const decoder = new TextDecoder(await encodingIn(join(source, files['ru_ru.affix'])), { fatal: true });
    for (const [name, from] of Object.entries(files)) {
      await writeFile(join(work, name), decoder.decode(await readFile(join(source, from))));
      await chmod(join(work, name), 0o644);
    }
    for (const name of Object.keys(files)) await rename(join(work, name), join(folder, name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Where a PostgreSQL keeps what searches need, seen from its programs: together in one folder, or as Debian spreads it. */
function wordsFolder(programs: string, majorVersion: number): string | null {
  const shares = ['../share/postgresql', '../share', `../../../../share/postgresql/${majorVersion}`];
  const folders = shares.map((share) => join(programs, share, 'tsearch_data'));
  return folders.find((folder) => existsSync(join(folder, 'russian.stop'))) ?? null;
}

async function findSource(servers: string, unpack: boolean, signal: AbortSignal | undefined): Promise<string | null> {
  const isIn = (folder: string) => Object.values(files).every((file) => existsSync(join(folder, file)));
  if (isIn(installed)) return installed;
  const unpacked = join(servers, 'hunspell-ru');
  const folder = join(unpacked, installed);
  if (isIn(folder)) return folder;
  if (!unpack || !hasDebianTools()) return null;
  try {
    await unpackDebian('hunspell-ru', unpacked, AbortSignal.any([AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])]));
  } catch {
    signal?.throwIfAborted();
    // No packages within reach: searches know words by their stems, and `polyb doctor` says what to do about it.
    return null;
  }
  return isIn(folder) ? folder : null;
}

/** As the first lines of an affix file say it, `SET KOI8-R`. */
async function encodingIn(affixFile: string): Promise<string> {
  return /^SET\s+(\S+)/m.exec(await readFile(affixFile, 'latin1'))?.[1] ?? 'utf-8';
}
