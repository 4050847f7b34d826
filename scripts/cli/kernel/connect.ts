/** The command line's one way onto the bus. */
import type { BusHost } from '../../../bus/bus.ts';
import { operatorUser } from '../../../bus/server/permissions.ts';
import type { NatsOptions } from '../../../bus/transports/nats.ts';
import type { Transport } from '../../../bus/transports/transport.ts';
import { guestUser } from '../../../bus/wire/subjects.ts';
import { type FindSetting, lookup, openSources } from '../../../config/env.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import type { Invocation } from './command.ts';
import { contextOf } from './contexts.ts';
import { advise } from './failure.ts';
import type { Flags } from './flags.ts';
import type { SocketOptions } from './socket.ts';

export interface Connected extends AsyncDisposable {
  readonly bus: BusHost;
  readonly transport: Transport;
  /** First token of every subject. */
  readonly prefix: string;
  /** The server's address without credentials. */
  readonly server: string;
}
type Needs = Pick<Invocation, 'flags' | 'out' | 'signal' | 'env'>;

/** Where the bus is and who we are there. The flag wins; without any setting it is the default port of this machine. */
export function busAddress({ flags, env }: Pick<Needs, 'flags' | 'env'>, root?: string) {
  const find = openSources({ env, root });
  const chosen = contextOf(flags, env);
  if (chosen !== undefined) {
    const { url, user, password, prefix = 'polyb' } = chosen;
    return { servers: url.split(','), server: url, user, pass: password, prefix };
  }
  const url = flags.text('nats-url') ?? lookup(['POLYB_NATS_URL', 'NATS_URL'], find) ?? 'nats://127.0.0.1:4222';
  const password = operatorPassword(url, find, openSources({ env: {}, root }));
  return {
    servers: url.split(',').map((server) => server.trim()),
    server: url.replace(/\/\/[^@/]*@/g, '//'),
    ...(password === undefined
      ? { user: lookup('NATS_USER', find), pass: lookup('NATS_PASSWORD', find) }
      : { user: operatorUser, pass: password }),
    prefix: lookup('POLYB_SUBJECT_PREFIX', find) ?? 'polyb',
  };
}

/** What `polyb up` made is for the server that it started, and is told to no other. */
function operatorPassword(url: string, find: FindSetting, findStarted: FindSetting): string | undefined {
  const found = find('POLYB_NATS_OPERATOR_PASSWORD');
  const password = lookup('POLYB_NATS_OPERATOR_PASSWORD', find);
  const isMade = found !== undefined && 'from' in found && found.from.includes('run.json');
  return isMade && lookup('NATS_URL', findStarted) !== url ? undefined : password;
}

/**
 * `lasting` connections come back after a drop; one for a single question is a plain socket, which is there sooner.
 * @throws unavailable/not_connected (exit 6) when nobody listens there.
 */
export async function connect({ flags, out, signal, env }: Needs, { lasting = outlives(flags) } = {}): Promise<Connected> {
  const { servers, server, user, pass, prefix } = busAddress({ flags, env });
  const timeoutMs = flags.ms('connect-timeout') ?? 2000;
  const tell = (facts: object, message: string) => out.detail(`  ${message} ${JSON.stringify(facts)}`);
  const log = { debug: () => {}, info: tell, warn: tell, error: tell };
  const name = user ?? guestUser;
  const who = { user, pass: user === undefined ? undefined : (pass ?? ''), name: 'polyb-cli', inboxUser: name };
  const beganAt = performance.now();
  try {
    const plain = lasting || servers.length > 1 ? undefined : dialPlain({ ...who, server: servers[0] ?? '', timeoutMs: timeoutMs / 2 });
    const { createBus } = await import('../../../bus/bus.ts');
    const left = () => Math.max(50, timeoutMs - (performance.now() - beganAt));
    const transport = (await plain) ?? (await dialLasting({ ...who, servers, log, signal, timeoutMs: left() }));
    const bus = createBus({ transport, name, log, prefix, noRespondersMs: 0 });
    return { bus, transport, prefix, server, [Symbol.asyncDispose]: () => bus.close({ graceMs: 0 }) };
  } catch (error) {
    if (!isPolybError(error)) throw error;
    throw advise(error, {
      subject: server,
      effect: 'nothing_sent',
      next: ['polyb up        starts everything on this machine', 'polyb doctor    says what is wrong'],
    });
  }
}

/** Does the command go on for longer than one question? */
function outlives(flags: Flags): boolean {
  return flags.on('watch') || flags.on('wait') || flags.text('each') !== undefined;
}
async function dialPlain(options: SocketOptions): Promise<Transport | undefined> {
  return await (await import('./socket.ts')).dialSocket(options);
}
async function dialLasting(options: NatsOptions & { readonly servers: string[] }): Promise<Transport> {
  return await (await import('../../../bus/transports/nats.ts')).connectNats(options);
}
