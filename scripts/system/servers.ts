/** NATS and PostgreSQL: found where settings point, else our own on loopback. */
import { connect } from 'node:net';
import type { Find } from '../../config/env.ts';
import { badSettings } from '../../config/env.ts';
import { findNatsServer } from '../infra/nats-server.ts';
import { preparePostgres } from '../infra/prepare.ts';
import { natsAnswers, postgresAnswers } from '../infra/ready.ts';
import type { App } from './pm2.ts';
import { portFrom } from './ports.ts';
import { type Server, serverApp, serverFolder } from './project.ts';
import { type RunValues, runFileLabel } from './run-file.ts';

export const answersAt = { nats: natsAnswers, postgres: postgresAnswers } as const satisfies Record<Server, unknown>;
const settings = { nats: ['POLYB_NATS_URL', 'NATS_URL'], postgres: ['DATABASE_URL'] } as const;
const usualPort = { nats: 4222, postgres: 5432 } as const;

export interface Choice {
  readonly url: string;
  /** Set when the server is ours. */
  readonly port: number | undefined;
  /** It runs by now. */
  readonly isUp: boolean;
}
type Options = { readonly find: Find; readonly before: RunValues; readonly apps: readonly App[]; readonly signal: AbortSignal };

/** Prepares what has to be started here: after this only starting is left. */
export async function chooseServers(options: Options): Promise<Readonly<Record<Server, Choice>>> {
  const [nats, postgres] = await Promise.all([
    choose('nats', options, async (port) => {
      await findNatsServer({ signal: options.signal });
      return `nats://127.0.0.1:${port}`;
    }),
    choose('postgres', options, async (port) => {
      const { url } = await preparePostgres({ dir: serverFolder('postgres'), port, durable: true, signal: options.signal });
      return Object.assign(new URL(url), { pathname: '/polyb' }).href;
    }),
  ]);
  return { nats, postgres };
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

export interface NatsInfo {
  readonly version: string;
  readonly headers: boolean;
  readonly max_payload: number;
}
/** What a nats-server says of itself before anything else; undefined when nobody answers there. @param url One server. */
export function natsInfo(url: string): Promise<NatsInfo | undefined> {
  const { hostname, port } = new URL(url);
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
      if (line !== undefined) answer(JSON.parse(line) as NatsInfo);
      else if (text.length > 64_000 || !'INFO '.startsWith(text.slice(0, 5))) answer();
    });
  });
}
