import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/**
 * The floors: who may import whom. `node scripts/floors.ts` prints each line that breaks one and exits 1.
 *
 * - commands of a service: services/<role>/cli, part of the floor scripts; only the command line loads them
 * - test: `*.test.ts`, a `conformance.ts` or `*.conformance.ts`, and everything under test/kit
 * - home: the only place that may import a library
 */

export type Source = { readonly path: string; readonly text: string };
export type Violation = { readonly path: string; readonly line: number; readonly why: string };

export type Import = {
  readonly line: number;
  /** A path from the project's root for our own files, else the package's name, or `node:…`. */
  readonly target: string;
  readonly isOurs: boolean;
};

export const floors = [
  'contracts',
  'bus',
  'media',
  'adapters',
  'config',
  'services',
  'runtime',
  'scripts',
  'examples',
  'web',
  'test',
  'bench',
] as const;

/**
 * Floors whose files may import only from these places; `test` and `bench` may import everything. A place that ends in `/` is a folder.
 * Every floor may declare settings; only `config` reads them.
 */
const reach: Readonly<Record<string, readonly string[]>> = {
  contracts: ['contracts/'],
  bus: ['contracts/', 'config/settings.ts', 'bus/'],
  /** Protocols and audio know nothing of PolyB. */
  media: ['media/'],
  adapters: ['contracts/', 'config/settings.ts', 'media/', 'adapters/'],
  config: ['contracts/', 'config/'],
  services: ['contracts/', 'config/', 'bus/', 'media/', 'adapters/', 'services/'],
  runtime: ['contracts/', 'config/', 'bus/', 'media/', 'adapters/', 'services/', 'runtime/'],
  scripts: ['contracts/', 'config/', 'bus/', 'media/', 'adapters/', 'services/', 'runtime/', 'scripts/', 'examples/'],
  examples: ['contracts/', 'config/', 'bus/', 'media/', 'adapters/', 'runtime/', 'examples/'],
  /** Types of contracts alone: a browser has no schemas. */
  web: ['contracts/', 'web/'],
};

/** What services may import of the bus. */
const faces = [
  'bus/service.ts',
  'bus/bus.ts',
  'bus/wire/codec.ts',
  'bus/wire/key.ts',
  'bus/telemetry/dependencies.ts',
  'bus/telemetry/dependency-reports.ts',
  'bus/telemetry/stats.ts',
  'bus/telemetry/metrics.ts',
  'bus/durable/identity.ts',
  'bus/durable/notifier.ts',
  'bus/durable/pipeline.ts',
];

/** Ports that our own store implements; every other adapter matches its port by shape. */
const storePorts = ['bus/durable/store.ts', 'bus/service.ts'];

/** Benchmarks and fault tests may use a library bare, to compare with it or to break it. */
const homes: Readonly<Record<string, string>> = {
  '@nats-io/': 'bus/transports/',
  nats: 'bench/',
  pg: 'adapters/store/',
  msgpackr: 'bus/wire/codec.ts',
  undici: 'adapters/http.ts',
  telegraf: 'adapters/vendors/telegram/',
  openai: 'adapters/vendors/openai/',
  'openid-client': 'adapters/vendors/oidc/',
  fastify: 'services/gateway/',
  '@fastify/': 'services/gateway/',
  'prom-client': 'services/gateway/',
  ioredis: 'adapters/vendors/redis/cache.ts',
  aws4fetch: 'adapters/vendors/s3/blob.ts',
  pino: 'runtime/log.ts',
  'onnxruntime-web': 'media/audio/network.ts',
  '@deepgram/sdk': 'adapters/vendors/deepgram/',
  '@grpc/': 'adapters/vendors/yandex/',
  opusscript: 'media/audio/opus.ts',
  croner: 'bus/durable/loops.ts',
  preact: 'web/',
  '@preact/': 'web/',
  htm: 'web/',
};
const bareUsers = ['bench/', 'test/faults/'];

/** Where a channel may be named besides its folder: former names, approvals of the staff, and the words of customers. */
const channelsNamedIn = ['contracts/aliases.ts', 'contracts/approvals.ts', 'services/journal/', 'services/collector/opt-out.ts'];

/** Parts of a service, by what they import, and the files that may hold them. A service of one file has them all in service.ts. */
const parts: readonly (readonly [imports: RegExp, file: RegExp, why: string])[] = [
  [/^import [^;]*from '[./]+config\/settings\.ts'/gm, /\/settings\.ts$/, 'the settings of a service are in its settings.ts'],
  [
    /^import \{[^}]*\b(?:counter|gauge|histogram)\b[^}]*\} from '[./]+contracts\/kit\/metric\.ts'/gm,
    /\/metrics\.ts$/,
    'the metrics of a service are in its metrics.ts',
  ],
  [/^import \{[^}]*\bon\b[^}]*\} from '[./]+bus\/service\.ts'/gm, /\/on-[a-z-]+\.ts$/, 'a consumer is in on-<event>.ts'],
  [/^import \{[^}]*\bloop\b[^}]*\} from '[./]+bus\/service\.ts'/gm, /\.loop\.ts$/, 'a loop is in <name>.loop.ts'],
];

export function checkFloors(sources: readonly Source[]): Violation[] {
  const channels = sources.flatMap(({ path }) => /^adapters\/vendors\/([a-z0-9-]+)\/channel\.ts$/.exec(path)?.[1] ?? []);
  const hasParts = (path: string) =>
    sources.some((other) => other.path !== path && !isTest(other.path) && isIn(`${posix.dirname(path)}/`, other.path));
  return sources.flatMap(({ path, text }) => {
    if (isTest(path)) return [];
    const code = withoutComments(text);
    const broken = importsOf(path, code).flatMap(({ line, ...found }) => {
      const why = forbids(path, found);
      return why ? [{ path, line, why }] : [];
    });
    return [
      ...broken,
      ...environmentReads(path, code),
      ...loadedContracts(path, code),
      ...(hasParts(path) ? misplacedParts(path, code) : []),
      ...namedChannels(path, code, channels),
    ].sort((a, b) => a.line - b.line);
  });
}

function misplacedParts(path: string, code: string): Violation[] {
  if (!isIn('services/', path) || isStandIn(path)) return [];
  return parts.flatMap(([imports, file, why]) =>
    file.test(path) ? [] : [...code.matchAll(imports)].map(({ index }) => ({ path, line: lineOf(code, index), why })),
  );
}

/** Names that several services export; a consumer is named by its event. */
export function sharedNames(sources: readonly Source[]): readonly string[] {
  const exported = sources
    .filter(({ path }) => isIn('services/', path) && !isTest(path) && !isStandIn(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^export (?:async )?(?:function\*?|const) (\w+)/gm)].map(([, name = '']) => ({
        name,
        service: path.split('/')[1],
      })),
    );
  const names = new Set(exported.map(({ name }) => name).filter((name) => !/^on[A-Z]/.test(name)));
  return [...names].filter((name) => new Set(exported.filter((each) => each.name === name).map(({ service }) => service)).size > 1);
}

/** Files that import each other in a circle, types counted; each circle is one list. */
export function importCircles(sources: readonly Source[]): (readonly string[])[] {
  const known = new Set(sources.map(({ path }) => path));
  const targets = new Map(
    sources.map(({ path, text }) => [
      path,
      importsOf(path, withoutComments(text)).flatMap(({ target, isOurs }) => (isOurs && known.has(target) ? [target] : [])),
    ]),
  );
  const reached = new Map([...known].map((path) => [path, reachableFrom(path, targets)]));
  const seen = new Set<string>();
  return [...known].flatMap((path) => {
    if (seen.has(path) || reached.get(path)?.has(path) !== true) return [];
    const circle = [...known].filter((other) => reached.get(path)?.has(other) && reached.get(other)?.has(path));
    for (const member of circle) seen.add(member);
    return [circle];
  });
}

function reachableFrom(start: string, targets: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const target of targets.get(path) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      open.push(target);
    }
  }
  return reached;
}

/** Reads every source file of the project. */
export function readSources(root: string): Source[] {
  return floors.flatMap((floor) => {
    const files = readdirSync(root).includes(floor) ? readdirSync(join(root, floor), { recursive: true, encoding: 'utf8' }) : [];
    return files
      .map((file) => posix.join(floor, file.replaceAll('\\', '/')))
      .filter((path) => /\.[jt]s$/.test(path) && !path.includes('node_modules/'))
      .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  });
}

/** Why `path` may not import that, or null. */
function forbids(path: string, { target, isOurs }: Omit<Import, 'line'>): string | null {
  const floor = isCommands(path) ? 'scripts' : (path.split('/')[0] ?? '');
  if (path === 'contracts/kit/errors.ts') return `contracts/kit/errors.ts must import nothing, not ${target}`;
  if (!isOurs) {
    if (floor === 'contracts' && target !== 'zod') return `contracts may import only zod, not ${target}`;
    return livesElsewhere(path, target);
  }
  if (isCommands(target) && floor !== 'scripts') return `only the command line loads the commands of a service, and here ${target}`;
  if (isTest(target) && floor !== 'bench') return `only tests import ${target}`;
  if (isStandIn(target) && !isStandIn(path) && floor !== 'scripts' && floor !== 'bench')
    return `production code must not import a fake or fixture: ${target}`;
  const targetFloor = target.split('/')[0] ?? '';
  if (isIn('adapters/store/', path) && storePorts.includes(target)) return null;
  const allowed = reach[floor];
  if (allowed && !allowed.some((place) => isIn(place, target))) return `${floor} may import ${allowed.join(', ')}, not ${target}`;
  if (floor === 'bus' && isIn('bus/durable/', target) && !isIn('bus/durable/', path)) return `bus must not import bus/durable: ${target}`;
  if (floor === 'services' && targetFloor === 'bus' && !faces.includes(target))
    return `services may import ${faces.join(', ')} of the bus, not ${target}`;
  if (floor === 'services' && targetFloor === 'services' && target.split('/')[1] !== path.split('/')[1]) {
    return `a service must not import another service: ${target}`;
  }
  return null;
}

function livesElsewhere(path: string, library: string): string | null {
  if (library === 'pm2') return 'pm2 is run as a program and never imported: its licence is AGPL';
  const [, home] = Object.entries(homes).find(([name]) => library === name || (name.endsWith('/') && library.startsWith(name))) ?? [];
  if (home === undefined || [home, ...bareUsers].some((place) => isIn(place, path))) return null;
  return `${library} has one home, ${home}`;
}

function environmentReads(path: string, code: string): Violation[] {
  if (['config/', 'runtime/', 'scripts/', 'test/', 'bench/'].some((place) => isIn(place, path))) return [];
  const reads = code.matchAll(/\bprocess\s*\.\s*env\b|\benv\b[^;'"]*from\s*['"](?:node:)?process['"]/g);
  return [...reads].map(({ index }) => ({ path, line: lineOf(code, index), why: 'only config reads the environment' }));
}

/** A page is given the types of contracts; their code stays on the server. */
function loadedContracts(path: string, code: string): Violation[] {
  if (!isIn('web/', path)) return [];
  const loads = code.matchAll(/^import (?!type\b)[^;]*?'[./]+contracts\//gm);
  return [...loads].map(({ index, 0: text }) => ({
    path,
    line: lineOf(code, index + text.length),
    why: 'web imports types of contracts alone: write import type',
  }));
}

/** Services and contracts loop over the catalogue of channels: a new one is not known to them by name. */
function namedChannels(path: string, code: string, channels: readonly string[]): Violation[] {
  const isBound = ['contracts/', 'services/'].some((place) => isIn(place, path)) && !isStandIn(path);
  if (!isBound || channels.length === 0 || channelsNamedIn.some((place) => isIn(place, path))) return [];
  const names = code.matchAll(new RegExp(channels.join('|'), 'gi'));
  return [...names].map(({ index, 0: name }) => ({
    path,
    line: lineOf(code, index),
    why: `only adapters may name a channel: ${name}`,
  }));
}

const isCommands = (path: string) => /^services\/[^/]+\/cli\//.test(path);
const isIn = (place: string, path: string) => (place.endsWith('/') ? path.startsWith(place) : path === place);

function isTest(path: string): boolean {
  return /\.test\.ts$|[./]conformance\.ts$/.test(path) || isIn('test/', path);
}
function isStandIn(path: string): boolean {
  return /(?:^|[./])(?:fake|fixture)(?:[.-][a-z-]+)?\.ts$/.test(path);
}

/** Static imports, re-exports, dynamic imports and `require` of a literal; a line is that of the specifier. */
export function importsOf(path: string, code: string): Import[] {
  const statement = /^[ \t]*(?:import|export)\b(?:[^;'"`]*?\bfrom\b)?\s*(['"])([^'"\n]+)\1/gm;
  const call = /\b(?:import|require)\s*\(\s*(['"])([^'"\n]+)\1/g;
  return [...code.matchAll(statement), ...code.matchAll(call)].map((match) => {
    const specifier = match[2] ?? '';
    const isOurs = specifier.startsWith('.');
    const target = isOurs ? posix.join(posix.dirname(path), specifier) : packageOf(specifier);
    return { line: lineOf(code, match.index + match[0].length), target, isOurs };
  });
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function lineOf(code: string, index: number): number {
  return code.slice(0, index).split('\n').length;
}

/** Blanks comments and keeps every line where it is; a string may hold what looks like a comment. */
function withoutComments(text: string): string {
  const tokens = /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(tokens, (token, string?: string) => string ?? token.replace(/[^\n]/g, ' '));
}

if (import.meta.main) {
  const sources = readSources(join(import.meta.dirname, '..'));
  const violations = checkFloors(sources);
  const circles = importCircles(sources);
  for (const { path, line, why } of violations) console.error(`${path}:${line} ${why}`);
  for (const circle of circles) console.error(`these files import each other: ${circle.join(', ')}`);
  process.exitCode = violations.length + circles.length > 0 ? 1 : 0;
}
