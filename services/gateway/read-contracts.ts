/** What stands in the contracts' folder: adding a contract needs no edit here. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Contract } from '../../contracts/kit/define.ts';
import { isContract } from '../../contracts/kit/describe.ts';

/** Every contract that a file of `folder` exports, in the order of their files. */
export async function readContracts(folder = join(import.meta.dirname, '../../contracts')): Promise<readonly Contract[]> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort();
  const modules = (await Promise.all(files.map((name) => import(pathToFileURL(join(folder, name)).href)))) as Record<string, unknown>[];
  return [...new Set(modules.flatMap((exports) => Object.values(exports).filter(isContract)))];
}
