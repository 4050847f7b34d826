/** Everything under docs/reference, contracts.json and .env.example, from the code that they describe. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContractsFile } from '../../../contracts/kit/describe.ts';
import type { Metric } from '../../../contracts/kit/metric.ts';
import { type Loaded, loadServices, serviceFolders } from '../../../runtime/services.ts';
import type { Group } from '../kernel/command.ts';
import { agentPage } from './agent.ts';
import { capabilitiesPage } from './capabilities.ts';
import { root } from './catalogue.ts';
import { cliPage } from './cli.ts';
import { contractsOfCode, exportContracts } from './contracts.ts';
import { errorsPage } from './errors.ts';
import { eventsPage } from './events.ts';
import { metricsOfCode, metricsPage } from './metrics.ts';
import { formatJson, type Page } from './page.ts';
import { phonesPage } from './phones.ts';
import { pipelinePages } from './pipelines.ts';
import { servicePages } from './services.ts';
import { configPage, envPage, settingGroups } from './settings.ts';
import { topologyPage } from './topology.ts';

/** Holds nothing but generated files, so that one which nothing makes any more can be told. */
const folder = 'docs/reference';

export function pagesOf(
  contracts: ContractsFile,
  services: readonly Loaded[],
  commands: readonly Group[],
  metrics: readonly Metric[] = [],
): readonly Page[] {
  const groups = settingGroups(services);
  const json = (path: string, value: unknown): Page => ({ path, text: formatJson(value) });
  return [
    ...servicePages(contracts, services),
    eventsPage(contracts, services),
    errorsPage(contracts),
    metricsPage(metrics),
    configPage(groups),
    agentPage(),
    capabilitiesPage(),
    phonesPage(),
    topologyPage(services),
    cliPage(commands),
    ...pipelinePages(contracts),
    json(`${folder}/openapi.json`, exportContracts(contracts, 'openapi')),
    json(`${folder}/asyncapi.json`, exportContracts(contracts, 'asyncapi')),
    json('contracts.json', contracts),
    envPage(groups),
  ];
}
async function pagesOfCode(commands: readonly Group[]): Promise<readonly Page[]> {
  return pagesOf(await contractsOfCode(), await loadServices(await serviceFolders()), commands, await metricsOfCode());
}

/** Writes every generated file and removes those that nothing makes any more. Answers the paths that changed. */
export async function buildDocs(commands: readonly Group[], to: string = root): Promise<readonly string[]> {
  const pages = await pagesOfCode(commands);
  const changed = drift(pages, to);
  for (const { path, text } of pages) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), text);
  }
  for (const { path, what } of changed) if (what === 'stale') rmSync(join(to, path));
  return changed.map(({ path }) => path);
}

export interface Drift {
  readonly path: string;
  /** `stale`: nothing makes this file any more. */
  readonly what: 'missing' | 'differs' | 'stale';
}
/** Generated files that are not what the code says now. */
export async function checkDocs(commands: readonly Group[], at: string = root): Promise<readonly Drift[]> {
  return drift(await pagesOfCode(commands), at);
}

export function drift(pages: readonly Page[], at: string): readonly Drift[] {
  const made = new Set(pages.map(({ path }) => path));
  const there = existsSync(join(at, folder)) ? readdirSync(join(at, folder), { recursive: true, withFileTypes: true }) : [];
  const files = there.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(join(at, '/').length));
  return [
    ...pages.flatMap(({ path, text }): Drift[] => {
      if (!existsSync(join(at, path))) return [{ path, what: 'missing' }];
      return readFileSync(join(at, path), 'utf8') === text ? [] : [{ path, what: 'differs' }];
    }),
    ...files.filter((path) => !made.has(path)).map((path): Drift => ({ path, what: 'stale' })),
  ];
}
