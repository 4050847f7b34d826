/** Code that is newer than the process that runs it, as the files' times say. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Entry } from '../../../contracts/kit/define.ts';
import type { Output } from '../kernel/output.ts';
import type { Expected } from './expected.ts';
import type { App } from './pm2.ts';
import { oneProcessApp, root } from './project.ts';

/** A relative import, static or dynamic, but not one of types alone. */
const imports = /^(?:import|export)\s(?!type\s)(?:[^;'"]*?\sfrom\s*)?['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/gm;

/** Files of the code and the times of their last change, each read once. */
export interface Sources {
  /** Folders of services whose code is newer than their process. */
  changed(services: readonly Expected[], apps: readonly App[]): Promise<readonly string[]>;
  /** Everything that a service runs: its files, those that they import, and the contracts of what it serves and uses. */
  of(service: Pick<Expected, 'folder' | 'service'>): Promise<ReadonlySet<string>>;
}

export function readSources(at: string = root): Sources {
  const imported = new Map<string, Promise<readonly string[]>>();
  const times = new Map<string, Promise<number>>();
  let contracts: Promise<ReadonlyMap<string, string>> | undefined;

  async function importsOf(file: string): Promise<readonly string[]> {
    const text = await readFile(file, 'utf8').catch(() => ''); // an import of a file that is gone: the service's start says so
    return [...text.matchAll(imports)].map(([, still, dynamic]) => join(dirname(file), still ?? dynamic ?? ''));
  }
  async function closure(roots: readonly string[]): Promise<Set<string>> {
    const seen = new Set(roots);
    // Grows while it is walked.
    for (const file of seen) {
      if (!imported.has(file)) imported.set(file, importsOf(file));
      for (const next of (await imported.get(file)) ?? []) seen.add(next);
    }
    return seen;
  }
  const timeOf = (file: string): Promise<number> => {
    const known =
      times.get(file) ??
      stat(file).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
    times.set(file, known);
    return known;
  };
  async function of({ folder, service }: Pick<Expected, 'folder' | 'service'>): Promise<ReadonlySet<string>> {
    contracts ??= contractFiles(join(at, 'contracts'));
    const files = await contracts;
    const entries: readonly Entry[] = [...Object.values(service.serves).flatMap((contract) => Object.values(contract)), ...service.uses];
    const named = new Set(entries.map((entry) => files.get(entry.service)).filter((file) => file !== undefined));
    return await closure([join(at, 'runtime/serve.ts'), join(at, 'services', folder, 'service.ts'), ...named]);
  }
  return {
    of,
    async changed(services, apps) {
      const found = await Promise.all(
        services.map(async (each) => {
          const [oldest] = apps
            .filter(({ name, pid }) => pid > 0 && (name === each.folder || name === oneProcessApp))
            .map(({ startedAt }) => startedAt)
            .sort((a, b) => a - b);
          if (oldest === undefined) return [];
          const changedAt = await Promise.all([...(await of(each))].map(timeOf));
          return Math.max(...changedAt) > oldest ? [each.folder] : [];
        }),
      );
      return found.flat();
    },
  };
}

/** The file of each contract, by the contract's name. */
async function contractFiles(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = (await readdir(folder))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));
  const named = await Promise.all(
    files.map(async (file) =>
      [...(await readFile(file, 'utf8')).matchAll(/\bcontract\(\s*['"](\w+)['"]/g)].map(([, name = '']) => [name, file] as const),
    ),
  );
  return new Map(named.flat());
}

/** Says which running services have older code than the files, and what to type. */
export async function noteChanged(out: Pick<Output, 'note'>, services: readonly Expected[], apps: readonly App[]): Promise<void> {
  const changed = await readSources().changed(services, apps);
  if (changed.length === 0) return;
  const command = apps.some(({ name }) => name === oneProcessApp) ? 'polyb restart' : `polyb restart ${changed.join(' ')}`;
  out.note(`${changed.join(', ')} changed since ${changed.length === 1 ? 'it' : 'they'} started: ${command}`, 'warn');
}
