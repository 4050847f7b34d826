/** NATS, PostgreSQL and Redis: found where settings point, else our own on loopback. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import type { FindSetting } from '../../../config/env.ts';
import { badSettings } from '../../../config/env.ts';
import { bringDictionary } from '../../infra/dictionary.ts';
import { findNatsServer } from '../../infra/nats-server.ts';
import { findPostgres } from '../../infra/postgres.ts';
import { preparePostgres } from '../../infra/prepare.ts';
import { natsAnswers, postgresAnswers, redisAnswers } from '../../infra/ready.ts';
import { findRedis } from '../../infra/redis.ts';
import { enterable } from '../../infra/unprivileged.ts';
import type { App } from './pm2.ts';
import { portFrom } from './ports.ts';
import { type Server, serverApp, serverFolder } from './project.ts';
import { type RunValues, runFileLabel } from './run-file.ts';

export const answersAt = { nats: natsAnswers, postgres: postgresAnswers, redis: redisAnswers } as const satisfies Record<Server, unknown>;
const settings = { nats: ['POLYB_NATS_URL', 'NATS_URL'], postgres: ['DATABASE_URL'], redis: ['REDIS_URL'] } as const;
const usualPort = { nats: 4222, postgres: 5432, redis: 6379 } as const;
/** Unpacking takes some seconds. Nothing waits longer for what can be done without. */
const redisPatienceMs = 30_000;

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
export async function chooseServers(options: Options): Promise<Choices> {
  const [nats, postgres, redis] = await Promise.all([
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
    return { missing: name === 'TimeoutError' ? 'redis-server could not be unpacked in time.' : String(message) };
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

async function choose(server: Server, { find, before, apps }: Options, prepare: (port: number) => Promise<string>): Promise<Choice> {
  const found = find(...settings[server]);
  if (found && 'problem' in found) throw badSettings([found.problem]);
  if (found && found.from !== runFileLabel) return { url: found.value, port: undefined, isUp: true };
  const chosen = before[portSetting(server)];
  const runs = apps.some(({ name, status }) => name === serverApp(server) && status === 'online');
  if (found && chosen !== undefined && runs && (await answersAt[server](Number(chosen)))) {
    return { url: found.value, port: Number(chosen), isUp: true };
  }
  const port = await portFrom(...(chosen === undefined ? [] : [Number(chosen)]), usualPort[server]);
  return { url: await prepare(port), port, isUp: false };
}

/** The setting of run.json that says a server is ours, and where. */
export const portSetting = (server: Server): string => `POLYB_${server.toUpperCase()}_PORT`;

const Info = z.object({ version: z.string(), headers: z.boolean().default(false), max_payload: z.number() });
type NatsInfo = z.output<typeof Info>;
/** What a nats-server says of itself before anything else; undefined when none answers there. @param url One server. */
export function natsInfo(url: string): Promise<NatsInfo | undefined> {
  const { hostname, port } = URL.parse(url) ?? {};
  if (hostname === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect(Number(port || 4222), hostname);
    let text = '';
    const answer = (info?: NatsInfo) => {
      socket.destroy();
      resolve(info);
    };
    socket.setTimeout(2_000, () => answer());
    socket.once('error', () => answer());
    socket.once('close', () => answer());
    socket.on('data', (data) => {
      text += data.toString('utf8');
      const line = /^INFO (.*)\r\n/.exec(text)?.[1];
      if (line !== undefined) answer(infoIn(line));
      else if (text.length > 64_000 || !'INFO '.startsWith(text.slice(0, 5))) answer();
    });
  });
}
function infoIn(line: string): NatsInfo | undefined {
  try {
    return Info.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // no JSON, so no nats-server
  }
}
