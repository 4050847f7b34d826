/** What stands in the code, found by reading folders: adding a contract or a pipeline needs no edit here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Pipeline, pipelineOf } from '../../../bus/durable/pipeline.ts';
import type { Entry } from '../../../contracts/kit/define.ts';
import type { PipelineFact } from '../../../contracts/kit/describe.ts';
import { loadServices, serviceFolders } from '../../../runtime/services.ts';

export { readContracts } from '../../../services/gateway/read-contracts.ts';

/** The project's folder. */
export const root = join(import.meta.dirname, '../../..');

/** Every pipeline of a method that a service serves, by its address. Services whose files make none are not loaded. */
export async function readPipelines(dir = join(root, 'services')): Promise<Readonly<Record<string, PipelineFact>>> {
  const folders = (await serviceFolders(dir)).filter((name) =>
    sourcesIn(join(dir, name)).some((file) => /\bpipeline\(/.test(readFileSync(file, 'utf8'))),
  );
  const served = (await loadServices(folders, dir)).flatMap(({ service }) => Object.values(service.serves).flatMap(Object.values));
  return Object.fromEntries(
    (served as readonly Entry[]).flatMap((entry) => {
      const pipeline = entry.kind === 'method' ? pipelineOf(entry) : undefined;
      return pipeline === undefined ? [] : [[entry.address, pipelineFact(pipeline)]];
    }),
  );
}

function pipelineFact({ definition: { method, steps } }: Pipeline): PipelineFact {
  return {
    method: method.address,
    steps: steps.map(({ name, kind, target, conditional }) => ({ name, kind, target, ...(conditional ? { conditional } : {}) })),
  };
}

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(folder, name));
}
