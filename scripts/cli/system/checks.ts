/** What `polyb doctor` looks at. Each check says what it found and, when that is not well, what to type. */
import { existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Queries } from '../../../adapters/deps.ts';
import { pending } from '../../../adapters/store/migrate.ts';
import { openTransactions } from '../../../adapters/store/pending-counts.ts';
import { openPostgres } from '../../../adapters/store/postgres.ts';
import { redisVersion } from '../../../adapters/vendors/redis/cache.ts';
import { openSources, problemsOf } from '../../../config/env.ts';
import { connectionsOf, settingsOf } from '../../../config/read.ts';
import { metaOf } from '../../../config/settings.ts';
import { type EntryFact, schemaHash } from '../../../contracts/kit/describe.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { migrations } from '../../../runtime/migrate.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { natsInfo } from '../../../runtime/own-server.ts';
import { allGroups } from '../../../runtime/services.ts';
import { staleEntries } from '../docs/stale.ts';
import { callable, readCatalogue } from '../kernel/catalogue.ts';
import type { Connected } from '../kernel/connect.ts';
import { infos } from '../kernel/discover.ts';
import type { Expected } from './expected.ts';
import { failureOf, hear } from './health.ts';
import { daemonIsCurrent, listApps, listOwnApps } from './pm2.ts';
import { root } from './project.ts';
import { readSettings, strayNames } from './settings.ts';
import { serviceRows } from './status.ts';

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to type, or do. */
  readonly next?: string;
}
const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found });
const warn = (check: string, found: string, next: string): Finding => ({ check, state: 'warn', found, next });
const fail = (check: string, found: string, next: string): Finding => ({ check, state: 'fail', found, next });

const leastPayload = 512 * 1024;
const leastDiskBytes = { fail: 200 * 2 ** 20, warn: 2 ** 30 };
const leastMemoryBytes = 512 * 2 ** 20;
const mostSkewMs = 500;
const longTransactionSeconds = 60;

export function checkNode(): readonly Finding[] {
  const { versions, arch, platform, execPath } = process;
  const found = `${versions.node} ${platform}-${arch}`;
  if (Number.parseInt(versions.node, 10) < 24) return [fail('node', found, 'PolyB needs Node 24: npm ci installs it')];
  const own = existsSync(`${root}/node_modules/node/bin/node`);
  return [ok('node', own ? found : `${found} (${execPath}; the project has no Node of its own)`)];
}

export function checkSettings(services: readonly Expected[], env: Readonly<Record<string, string | undefined>>): readonly Finding[] {
  try {
    const find = openSources({ env });
    const { shown, origins } = readSettings(services, find);
    // Telegram is a vendor of who reads there and of who writes there.
    const vendors = [...new Map(services.flatMap((each) => each.vendors).map((vendor) => [vendor.setting, vendor])).values()];
    const picked = vendors.map(({ setting, fallback }) => {
      const value = shown[setting] ?? fallback;
      return ok('vendor', `${setting}=${value} (${value === fallback ? 'built in' : origins[setting]})`);
    });
    const strays = strayNames(services, find).map((line) => warn('setting', line, 'polyb config list shows every setting'));
    return [ok('settings', `${Object.keys(origins).length} read`), ...strays, ...picked];
  } catch (error) {
    if (!isPolybError(error)) throw error;
    return problemsOf(error).map((line) => fail('setting', line, 'polyb config list --origin shows the source of each value'));
  }
}

/** `.env` as an editor makes it is open to everybody; what stands in it may be none of their business. */
export function checkSecrets(
  services: readonly Pick<Expected, 'folder' | 'service'>[],
  { env, at = root }: { readonly env: Readonly<Record<string, string | undefined>>; readonly at?: string },
): readonly Finding[] {
  const file = join(at, '.env');
  if (process.platform === 'win32' || !existsSync(file) || (statSync(file).mode & 0o077) === 0) return [];
  const find = openSources({ env, root: at });
  const inFile = allGroups(services)
    .flatMap((group) => connectionsOf(group, find).flatMap((connection) => settingsOf(group, connection)))
    .flatMap(([name, schema]) => {
      const { secret = false, before = [] } = metaOf(schema);
      const found = secret ? find(...before, name) : undefined;
      return found && 'from' in found && found.from === '.env' ? [name] : [];
    });
  if (inFile.length === 0) return [];
  return [warn('secrets', `.env holds ${[...new Set(inFile)].join(', ')} and is readable by other users`, 'chmod 600 .env')];
}

/** contracts.json answers for the contracts wherever nothing is compiled: `call`, `list`, completion. */
export async function checkContracts(): Promise<readonly Finding[]> {
  const stale = await staleEntries();
  if (stale.length === 0) return [ok('contracts', 'contracts.json is current')];
  const shown = `${stale.slice(0, 3).join(', ')}${stale.length > 3 ? ` and ${stale.length - 3} more` : ''}`;
  return [warn('contracts', `contracts.json differs from the code in ${shown}`, 'polyb docs build')];
}

export async function checkNats(url: string | undefined): Promise<readonly Finding[]> {
  if (url === undefined) return [fail('nats', 'no system is up here', 'polyb up starts one; or set NATS_URL')];
  const seen = await Promise.all(url.split(',').map(async (server) => ({ server: server.trim(), info: await natsInfo(server.trim()) })));
  return seen.map(({ server, info }) => {
    const address = URL.parse(server)?.host;
    if (address === undefined) return fail('nats', 'the address is not a URL', 'write NATS_URL as nats://host:4222');
    if (info === undefined) return fail('nats', `no NATS server responds at ${address}`, 'polyb up, or set NATS_URL');
    if (!info.headers)
      return fail('nats', `${address} ${info.version} has headers disabled`, 'set no_headers to false in its configuration');
    if (info.maxPayload < leastPayload)
      return fail('nats', `${address} accepts at most ${info.maxPayload} bytes`, 'set max_payload to 1MB in its configuration');
    return ok('nats', `${address} ${info.version}, max_payload ${Math.round(info.maxPayload / 1024)} KB`);
  });
}

export async function checkPostgres(
  url: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  needed = 0,
): Promise<readonly Finding[]> {
  if (url === undefined) return [fail('postgres', 'DATABASE_URL is not set', 'polyb up starts one; or set DATABASE_URL')];
  const at = URL.parse(url);
  if (at === null) return [fail('postgres', 'DATABASE_URL is not a URL', 'write it as postgres://user:password@host:5432/database')];
  const { host, pathname } = at;
  const db = openPostgres({ url, name: 'polyb-doctor', log: quiet, connections: 1 });
  try {
    const sentAt = Date.now();
    const [row] = await db.query<{ version: string; ms: string }>(
      `select current_setting('server_version') as version, extract(epoch from clock_timestamp()) * 1000 as ms`,
    );
    const tookMs = Date.now() - sentAt;
    const skewMs = Number(row?.ms) - (sentAt + tookMs / 2);
    const missing = await pending(db, await migrations());
    return [
      ok('postgres', `${host}${pathname} ${row?.version}`),
      missing.length > 0
        ? fail('migrations', `missing: ${missing.join(', ')}`, 'polyb up, or npx node runtime/migrate.ts')
        : ok('migrations', 'all applied'),
      // The reply may have been sent at any moment of the round trip, which includes the connection.
      Math.abs(skewMs) - tookMs / 2 > mostSkewMs
        ? fail('clock', `${Math.round(skewMs)} ms from the clock of PostgreSQL`, 'set both clocks by NTP; deadlines depend on them')
        : ok('clock', `${Math.round(Math.abs(skewMs))} ms from the clock of PostgreSQL`),
      await checkConnections(db, needed),
      await checkTransactions(db),
      ...(missing.length > 0 ? [] : await checkStore(db)),
    ];
  } catch (error) {
    const found = isPolybError(error) || Error.isError(error) ? (error as Error).message : String(error);
    return [fail('postgres', `${host}${pathname}: ${found}`, env.DATABASE_URL ? 'check DATABASE_URL' : 'polyb up')];
  } finally {
    await db.close();
  }
}

/** @param needed how many connections all services open at most */
async function checkConnections(db: Queries, needed: number): Promise<Finding> {
  const [server] = await db.query<{ most: number; reserved: number }>(
    `select current_setting('max_connections')::int as most, current_setting('superuser_reserved_connections')::int as reserved`,
  );
  const { most = 0, reserved = 0 } = server ?? {};
  const found = `max_connections ${most}, ${reserved} of them reserved; all services open up to ${needed}`;
  if (needed <= most - reserved) return ok('connections', found);
  return warn('connections', found, `set max_connections to ${needed + reserved + 10} or more, or DATABASE_CONNECTIONS lower`);
}

/** A transaction that wrote and stays open holds every consumer of events back, in whichever database of the cluster it is. */
async function checkTransactions(db: Queries): Promise<Finding> {
  const [oldest] = await openTransactions(db);
  if (oldest === undefined || oldest.seconds < longTransactionSeconds) return ok('transactions', 'no writing transaction is open for long');
  return warn(
    'transactions',
    `${oldest.name} has been open for ${Math.round(oldest.seconds)} s, and events wait until it ends`,
    oldest.pid === null ? 'commit prepared, or rollback prepared' : `end it there, or: select pg_terminate_backend(${oldest.pid})`,
  );
}

/** What only a migrated database can be asked. */
async function checkStore(db: Queries): Promise<readonly Finding[]> {
  const [events] = await db.query<{ areForeign: boolean }>(`select journal.is_from_another_cluster() as "areForeign"`);
  return [
    events?.areForeign
      ? fail(
          'event order',
          'events have numbers of another PostgreSQL cluster, so that consumers receive no new events',
          'polyb restart: a starting service renumbers them',
        )
      : ok('event order', 'events have numbers of this PostgreSQL cluster'),
  ];
}

/** Never a failure: without it rates are counted, only not together. */
export async function checkRedis(url: string | undefined, inOneProcess: boolean): Promise<readonly Finding[]> {
  const alone = 'each process counts rates and quotas on its own';
  if (url === undefined)
    return [
      inOneProcess
        ? ok('redis', 'none; one process needs none')
        : warn('redis', `none; ${alone}`, 'sudo apt-get install redis-server, then polyb up && polyb restart; or set REDIS_URL'),
    ];
  const host = URL.parse(url)?.host;
  if (host === undefined) return [warn('redis', `REDIS_URL is not a URL; ${alone}`, 'write it as redis://host:6379')];
  try {
    return [ok('redis', `${host} ${await redisVersion(url)}`)];
  } catch (error) {
    // Of the server's answer or the system's, neither of which holds the password.
    const said = Error.isError(error) ? (error as Error).message : String(error);
    return [warn('redis', `${host}: ${said}; ${alone}`, 'polyb up, or check REDIS_URL')];
  }
}

export async function checkPm2(): Promise<readonly Finding[]> {
  try {
    await listOwnApps([]);
  } catch (error) {
    if (!isPolybError(error)) throw error;
    return [fail('pm2', error.message, 'one checkout at a time under one PM2_HOME')];
  }
  const apps = await listApps();
  if (apps.length === 0) return [warn('pm2', 'no process of this checkout runs in it', 'polyb up')];
  const found = `${apps.length} ${apps.length === 1 ? 'process' : 'processes'} of this checkout`;
  return [
    (await daemonIsCurrent())
      ? ok('pm2', found)
      : warn('pm2', `${found}; the version of its daemon differs from that of the project`, 'npx pm2 update'),
  ];
}

/** Each service answers, with the contracts that stand in the code, and every instance with the same. */
export async function checkServices(services: readonly Expected[], connected: Connected, signal: AbortSignal): Promise<readonly Finding[]> {
  const heard = await hear(connected.bus, signal);
  const known = await infos(connected, undefined, 200, signal);
  const rows = serviceRows(services, await listApps(), heard);
  const found = services.map((service) => {
    const { folder } = service;
    const row = rows.find(({ app }) => app === folder);
    if (!row?.ready) {
      const seen = `not on the bus; pm2: ${row?.pm2 ?? 'absent'}${row && row.restarts > 0 ? `, ${row.restarts} restarts` : ''}`;
      return fail('service', `${folder}  ${seen}`, row?.pm2 ? `polyb logs ${folder} --since 10m` : `polyb up ${folder}`);
    }
    const hashes = new Map(
      Object.values(service.service.serves).flatMap((contract) =>
        Object.values(contract).map((entry) => [entry.address, schemaHash(entry)]),
      ),
    );
    const drifted = known
      .filter(({ metadata }) => metadata['polyb.daemon'] === folder)
      .flatMap(({ name, endpoints }) =>
        endpoints.map((endpoint) => ({ address: `${name}.${endpoint.name}`, hash: endpoint.metadata?.['polyb.schema'] })),
      )
      .filter(({ address, hash }) => hashes.has(address) && hashes.get(address) !== hash);
    if (drifted.length === 0) return ok('service', `${folder}  ${row.instances} ${row.instances === 1 ? 'instance' : 'instances'}`);
    const addresses = [...new Set(drifted.map(({ address }) => address))];
    return fail(
      'service',
      `${folder}  runs a different version of ${addresses.join(', ')} than the code in this checkout`,
      `polyb restart ${folder}`,
    );
  });
  // Connections to CRMs have a check of their own.
  const outside = heard.reports
    .filter(({ target }) => !/^(crm|booking):/.test(target))
    .map((report) => {
      const failure = failureOf(report);
      return failure === undefined
        ? ok('outside', `${report.service}  ${report.target} answers`)
        : warn('outside', `${report.service}  ${failure}`, `polyb logs ${report.service} --since 10m`);
    });
  return [...found, ...outside];
}

/** A connection that needs a person fails; one that is paused, blocked or broken may mend itself. */
export async function checkVendors({ bus }: Connected, services: readonly Expected[], signal: AbortSignal): Promise<readonly Finding[]> {
  const list = (await readCatalogue()).entries['connections.list'];
  if (list === undefined || !services.some(({ contracts }) => contracts.includes(list.service))) return [];
  try {
    const { items } = (await bus.request(callable(list), {}, { signal })) as { items: readonly ConnectionFinding[] };
    return items.map(({ kind, connection, system, state, detail }) => {
      const found = `${kind} ${connection} (${system})  ${state}${detail === null ? '' : `: ${detail}`}`;
      if (state === 'ok') return ok('connection', found);
      if (state === 'needs_reauthorisation') return fail('connection', found, `polyb crm connect ${system}`);
      return warn('connection', found, 'polyb crm connections');
    });
  } catch (error) {
    if (!isPolybError(error)) throw error;
    // The service is down, which has been told.
    if (error.reason === 'no_responders') return [];
    return [fail('connection', error.message, 'polyb logs crm-connector --since 10m')];
  }
}
interface ConnectionFinding {
  readonly kind: string;
  readonly connection: string;
  readonly system: string;
  readonly state: string;
  readonly detail: string | null;
}

/** What waits for a person. */
export async function checkJournal({ bus }: Connected, services: readonly Expected[], signal: AbortSignal): Promise<readonly Finding[]> {
  const list = (await readCatalogue()).entries['journal.list'];
  if (list === undefined || !services.some(({ contracts }) => contracts.includes(list.service))) return [];
  const most = 200;
  const views = [
    ['dead_letters', 'dead letters', 'polyb dlq ls'],
    ['reviews', 'rows in review', 'polyb reviews ls'],
    ['approvals', 'approvals pending', 'polyb approvals ls'],
  ] as const;
  try {
    return await Promise.all(
      views.map(async ([view, label, next]) => {
        const { items } = (await bus.request(callable(list), { view, limit: most }, { signal })) as {
          items: readonly { createdAt: string }[];
        };
        if (items.length === 0) return ok(label, 'none');
        const oldest = items.map(({ createdAt }) => createdAt).sort()[0];
        return warn(label, `${items.length}${items.length === most ? ' or more' : ''}, the oldest since ${oldest}`, next);
      }),
    );
  } catch (error) {
    if (!isPolybError(error)) throw error;
    // The service that holds it is down, which has been told.
    if (error.reason === 'no_responders') return [];
    return [fail('journal', error.message, 'polyb status')];
  }
}

export async function checkHost(): Promise<readonly Finding[]> {
  const { bavail, bsize } = await statfs(root);
  const disk = bavail * bsize;
  const memory = process.availableMemory();
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GB free`;
  return [
    disk < leastDiskBytes.fail
      ? fail('disk', gigabytes(disk), `free some disk space at ${root}: PostgreSQL stops when the disk is full`)
      : disk < leastDiskBytes.warn
        ? warn('disk', gigabytes(disk), `free some disk space at ${root}`)
        : ok('disk', gigabytes(disk)),
    memory < leastMemoryBytes
      ? warn('memory', gigabytes(memory), 'POLYB_ONE_PROCESS=true polyb up needs less memory')
      : ok('memory', gigabytes(memory)),
  ];
}

/** With --online: every read that needs no input is asked for, and through them the vendors' keys are tried. */
export async function checkOnline({ bus }: Connected, services: readonly Expected[], signal: AbortSignal): Promise<readonly Finding[]> {
  const served = new Set(services.flatMap(({ contracts }) => contracts));
  const entries = Object.values((await readCatalogue()).entries).filter(
    (entry) => served.has(entry.service) && entry.service !== 'journal' && isPlainRead(entry),
  );
  return Promise.all(
    entries.map(async (entry) => {
      try {
        await bus.request(callable(entry), {}, { signal });
        return ok('online', `${entry.address} answers`);
      } catch (error) {
        if (!isPolybError(error)) throw error;
        if (error.code === 'unimplemented') return ok('online', `${entry.address} is not offered by this provider`);
        return fail(
          'online',
          `${entry.address}: ${error.message}`,
          error.code === 'unauthenticated' ? 'check the key of that provider in .env' : 'polyb logs --since 1m',
        );
      }
    }),
  );
}

function isPlainRead({ kind, idempotency, owner, input }: EntryFact): boolean {
  const { required } = (typeof input === 'object' && input !== null ? input : {}) as { required?: readonly string[] };
  return kind === 'method' && idempotency === 'read' && owner === undefined && (required ?? []).length === 0;
}
