/** The key that encrypts tokens and signs slots: made once, in a file that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { FindSetting } from '../../../config/env.ts';
import { root, state } from './project.ts';
import { type RunValues, runFileLabel } from './run-file.ts';

const file = join(state, 'secret.key');

/** The setting of run.json that names the file; empty where somebody set a key. An existing file is never written again. */
export async function ownSecretKey(find: FindSetting): Promise<RunValues> {
  const found = find('POLYB_SECRET_KEY');
  if (found !== undefined && 'from' in found && !found.from.endsWith(runFileLabel)) return {};
  await mkdir(state, { recursive: true });
  try {
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return { POLYB_SECRET_KEY_FILE: relative(root, file) };
}
