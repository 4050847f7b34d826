/** What stands in the code, found by reading folders: adding a contract or a pipeline needs no edit here. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isPipeline, type Pipeline } from '../../../bus/durable/pipeline.ts';
import type { PipelineFact } from '../../../contracts/kit/describe.ts';

export { readContracts } from '../../../services/gateway/read-contracts.ts';

/** The project's folder. */
export const root = join(import.meta.dirname, '../../..');

/** Every pipeline that a service defines, by its method's name. Files that make none are not loaded. */
export async function readPipelines(folder = join(root, 'services')): Promise<Readonly<Record<string, PipelineFact>>> {
  const files = foldersIn(folder)
    .flatMap((name) => sourcesIn(join(folder, name)))
    .filter((file) => /\bpipeline\(/.test(readFileSync(file, 'utf8')));
  const found: Record<string, PipelineFact> = {};
  for (const exports of await importAll(files))
    for (const value of Object.values(exports)) if (isPipeline(value)) found[value.definition.method.name] = pipelineFact(value);
  return found;
}

function pipelineFact({ definition: { method, steps } }: Pipeline): PipelineFact {
  return {
    method: method.address,
    steps: steps.map(({ name, kind, target, conditional }) => ({ name, kind, target, ...(conditional ? { conditional } : {}) })),
  };
}

function foldersIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(folder, name));
}
async function importAll(files: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return await Promise.all(files.map((file) => import(pathToFileURL(file).href) as Promise<Record<string, unknown>>));
}
