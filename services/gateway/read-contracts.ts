/** Reads the contracts folder, so that a new contract needs no edit here. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Contract } from '../../contracts/kit/define.ts';
import { isContract } from '../../contracts/kit/describe.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

/**
 * Every contract exported by a file of `folder`, in the order of the files.
 * @throws PolybError failed_precondition/cannot_load that names the file whose code fails to load.
 */
export async function readContracts(folder = join(import.meta.dirname, '../../contracts')): Promise<readonly Contract[]> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort();
  const modules = await Promise.all(files.map((name) => load(folder, name)));
  return [...new Set(modules.flatMap((exports) => Object.values(exports).filter(isContract)))];
}

async function load(folder: string, name: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(join(folder, name)).href)) as Record<string, unknown>;
  } catch (cause) {
    const message = Error.isError(cause) ? (cause as Error).message : String(cause);
    throw new PolybError('failed_precondition', `contracts/${name} cannot be loaded: ${message}`, { reason: 'cannot_load', cause });
  }
}
