/** The list of addresses that completion reads without starting Node. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EntryFact } from '../../../contracts/kit/describe.ts';

type Env = Readonly<Record<string, string | undefined>>;

export function cacheFile(env: Env): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'polyb', 'addresses');
}

/** One line a method: address, then what its input takes as words to complete, `source=` and `source=web` among them. */
export function cacheLines(entries: readonly EntryFact[]): string {
  return entries
    .filter(({ kind }) => kind === 'method')
    .map(({ address, input }) => {
      const words = Object.entries(input?.properties ?? {}).flatMap(([name, schema]) => [
        `${name}=`,
        ...(schema.enum ?? []).filter((value) => /^[\w.+-]+$/.test(String(value))).map((value) => `${name}=${String(value)}`),
      ]);
      return `${[address, ...words].join(' ')}\n`;
    })
    .join('');
}

/** Writes the list when it differs. A cache that cannot be written is no reason to fail what was asked for. */
export function refreshCache(entries: readonly EntryFact[], env: Env): void {
  const file = cacheFile(env);
  const lines = cacheLines(entries);
  try {
    if (textOf(file) === lines) return;
    mkdirSync(dirname(file), { recursive: true });
    const part = `${file}.${process.pid}`;
    writeFileSync(part, lines);
    renameSync(part, file);
  } catch {
    // A read-only or missing home: completion stays as it was.
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // not there yet
  }
}
