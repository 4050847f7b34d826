/** `.polyb/run.json`: what `polyb up` chose, flat, read by `config` between `.env` and the defaults. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { state } from './project.ts';

export type RunValues = Readonly<Record<string, string>>;
export const runFileLabel = '.polyb/run.json';
const file = join(state, 'run.json');

/** {} when nothing was chosen. */
export async function readRun(): Promise<RunValues> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as RunValues;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Takes the place of the whole file at once: a reader sees the old one or the new one. It holds passwords. */
export async function writeRun(values: RunValues): Promise<void> {
  await mkdir(state, { recursive: true });
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, `${JSON.stringify(values, null, 2)}\n`, { mode: 0o600 });
  await rename(partial, file);
}

export const removeRun = (): Promise<void> => rm(file, { force: true });
