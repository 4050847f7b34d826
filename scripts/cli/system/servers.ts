/** NATS, PostgreSQL and Redis: found where settings point, else our own on loopback. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FindSetting } from '../../../config/env.ts';
import { badSettings } from '../../../config/env.ts';
import { bringDictionary } from '../../infra/dictionary.ts';
import { findNatsServer } from '../../infra/nats-server.ts';
import { findPostgres } from '../../infra/postgres.ts';
import { preparePostgres } from '../../infra/prepare.ts';
import { findRedis } from '../../infra/redis.ts';
import { enterable } from '../../infra/unprivileged.ts';
import { natsSettings } from '../kernel/connect.ts';
import { pause } from './pause.ts';
import { type App, removeApps } from './pm2.ts';
import { portFrom } from './ports.ts';
import { type Server, serverApp, serverFolder } from './project.ts';
import { type RunValues, runFileLabel } from './run-file.ts';
import { type Owner, ownerAt } from './server-owner.ts';

const settings = { nats: natsSettings, postgres: ['DATABASE_URL'], redis: ['REDIS_URL'] } as const;
const usualPort = { nats: 4222, postgres: 5432, redis: 6379 } as const;
/** Unpacking takes some seconds. Nothing waits longer for what can be done without. */
const redisPatienceMs = 30_000;
/** How long a server under PM2 may take to reply, and a server that PM2 has lost may take to stop. */
const settleMs = 10_000;

export interface Choice {
  readonly url: string;
  /** Set when the server is ours. */
  readonly port: number | undefined;
  /** It runs by now. */
  readonly isUp: boolean;
}
export interface Choices {
  readonly nats: Choice;
  readonly postgres: Choice;
  /** Without it each process counts for itself: all there is to know when there is but one, else `missing` says why. */
  readonly redis: Choice | { readonly missing: string | null };
}
interface Options {
  readonly find: FindSetting;
  readonly before: RunValues;
  readonly apps: readonly App[];
  readonly oneProcess: boolean;
  readonly signal: AbortSignal;
  /** Stands in for the search for redis-server. */
  readonly seekRedis?: typeof findRedis;
}

/** Prepares what has to be started here: after this only starting is left. */
export async function chooseServers(given: Options): Promise<Choices> {
  const failed = new AbortController();
  const options = { ...given, signal: AbortSignal.any([given.signal, failed.signal]) };
  const choosing = Promise.all([
    choose('nats', options, async (port) => {
      await findNatsServer({ signal: options.signal });
      return `nats://127.0.0.1:${port}`;
    }),
    choose('postgres', options, async (port) => {
      await bringWords(options.signal);
      const { url } = await preparePostgres({ dir: serverFolder('postgres'), port, durable: true, signal: options.signal });
      return Object.assign(new URL(url), { pathname: '/polyb' }).href;
    }),
    chooseRedis(options),
  ]);
  const [nats, postgres, redis] = await choosing.catch((error: unknown) => {
    failed.abort(error); // stops the other downloads
    throw error;
  });
  return { nats, postgres, redis };
}

/** Redis spares no work that must be done, so nothing fails for want of it. */
export async function chooseRedis(options: Options): Promise<Choices['redis']> {
  const { find, before, oneProcess, signal, seekRedis = findRedis } = options;
  const found = find(...settings.redis);
  const isGiven = found !== undefined && ('problem' in found || found.from !== runFileLabel);
  if (oneProcess && !isGiven) return { missing: null };
  try {
    return await choose('redis', options, async (port) => {
      await seekRedis({ signal: AbortSignal.any([signal, AbortSignal.timeout(redisPatienceMs)]) });
      // Services that run by now know the password of before.
      return `redis://:${passwordIn(before.REDIS_URL) ?? randomBytes(24).toString('base64url')}@127.0.0.1:${port}`;
    });
  } catch (error) {
    const { name, reason, message } = error as { name?: unknown; reason?: unknown; message?: unknown };
    if (signal.aborted || (reason !== 'server_missing' && name !== 'TimeoutError')) throw error;
    return { missing: name === 'TimeoutError' ? 'redis-server could not be unpacked within its time limit.' : String(message) };
  }
}

/** The password that a URL holds. */
export function passwordIn(url: string | undefined): string | undefined {
  return (url !== undefined && URL.parse(url)?.password) || undefined;
}

/** Packages are looked for once, with a cluster that is new, so that a machine out of their reach waits for them once. */
async function bringWords(signal: AbortSignal): Promise<void> {
  const found = await findPostgres({ signal });
  const isNew = !existsSync(join(enterable(serverFolder('postgres'), found.runAs), 'data'));
  await bringDictionary(found, { unpack: isNew, signal });
}

async function choose(server: Server, options: Options, prepare: (port: number) => Promise<string>): Promise<Choice> {
  const { find, before, apps } = options;
  const found = find(...settings[server]);
  if (found && 'problem' in found) throw badSettings([found.problem]);
  if (found && found.from !== runFileLabel) return { url: found.value, port: undefined, isUp: true };
  const chosen = before[portSetting(server)];
  if (found && chosen !== undefined) {
    const running = apps.filter(({ name, status }) => name === serverApp(server) && status === 'online');
    const answer = await settled(server, options, running.length > 0);
    if (answer === 'own' && running.length > 0) return { url: found.value, port: Number(chosen), isUp: true };
    // A hung server would hold the port and the data directory.
    await removeApps(running);
  }
  const port = await portFrom(...(chosen === undefined ? [] : [Number(chosen)]), usualPort[server]);
  return { url: await prepare(port), port, isUp: false };
}

/** The owner of the former address, after waiting for a server that is starting or stopping. */
async function settled(server: Server, { before, signal }: Options, runs: boolean): Promise<Owner> {
  for (const until = Date.now() + settleMs; ; await pause(100, signal)) {
    const answer = await ownerAt[server](before);
    const isSettled = runs ? answer !== 'silent' : answer !== 'own';
    if (isSettled || Date.now() > until) return answer;
  }
}

/** The setting of run.json that says a server is ours, and where. */
export const portSetting = (server: Server): string => `POLYB_${server.toUpperCase()}_PORT`;

const urlSetting = { nats: 'NATS_URL', postgres: 'DATABASE_URL', redis: 'REDIS_URL' } as const satisfies Record<Server, string>;
/** Settings of run.json that hold the address of an own server. */
export const addressNames = (server: Server): readonly string[] => [urlSetting[server], portSetting(server)];

/** Values of those settings; {} for a server that `up` does not start. */
export function addressIn(server: Server, { url, port }: Choice): RunValues {
  return port === undefined ? {} : { [urlSetting[server]]: url, [portSetting(server)]: String(port) };
}
export function addressesIn({ nats, postgres, redis }: Choices): RunValues {
  return { ...addressIn('nats', nats), ...addressIn('postgres', postgres), ...('missing' in redis ? {} : addressIn('redis', redis)) };
}

/** The same server at the next free port. */
export async function moved({ url, port = 0, isUp }: Choice): Promise<Choice> {
  const next = await portFrom(port + 1);
  return { url: Object.assign(new URL(url), { port: String(next) }).href, port: next, isUp };
}
