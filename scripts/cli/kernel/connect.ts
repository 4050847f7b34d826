/** The command line's one way onto the bus. */
import type { BusHost } from '../../../bus/bus.ts';
import { operatorUser } from '../../../bus/server/permissions.ts';
import type { NatsOptions } from '../../../bus/transports/nats.ts';
import type { Transport } from '../../../bus/transports/transport.ts';
import { guestUser } from '../../../bus/wire/subjects.ts';
import { badSettings, lookup, openSources, type SettingText } from '../../../config/env.ts';
import { isPolybError, type PolybError } from '../../../contracts/kit/errors.ts';
import { ownServer, requireSystem } from '../../../runtime/own-server.ts';
import type { Invocation } from './command.ts';
import { contextOf } from './contexts.ts';
import { advise, refusal, wrongUsage } from './failure.ts';
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

export const natsSettings = ['POLYB_NATS_URL', 'NATS_URL'] as const;
const schemes = ['nats:', 'tls:', 'ws:', 'wss:'];

interface AddressOptions {
  readonly root?: string;
  /** The system of this checkout, whatever context is in use. */
  readonly own?: boolean;
}

/**
 * Where the bus is and who we are there; the flag wins.
 * @throws unavailable/not_connected when neither a setting nor `polyb up` names a server; failed_precondition/bad_settings for an address of another scheme.
 */
export function busAddress({ flags, env }: Pick<Needs, 'flags' | 'env'>, { root, own = false }: AddressOptions = {}) {
  const find = openSources({ env, root });
  const chosen = own ? undefined : contextOf(flags, env);
  if (chosen !== undefined) {
    const { url, user, password, prefix = 'polyb' } = chosen;
    return { servers: url.split(','), server: url, system: undefined, user, pass: password, prefix };
  }
  const url = flags.text('nats-url') ?? lookup(natsSettings, find);
  if (url === undefined)
    throw refusal('unavailable', 'no system is up here', {
      reason: 'not_connected',
      next: ['polyb up        starts everything on this machine', 'NATS_URL, or --nats-url, names a bus that runs elsewhere'],
    });
  const servers = url.split(',').map((server) => server.trim());
  checkServers(servers, flags.text('nats-url') === undefined ? find(...natsSettings) : undefined);
  const { system, password } = ownServer(url, find, openSources({ env: {}, root }));
  return {
    servers,
    server: url.replace(/\/\/[^@/]*@/g, '//'),
    system,
    ...(password === undefined
      ? { user: lookup('NATS_USER', find), pass: lookup('NATS_PASSWORD', find) }
      : { user: operatorUser, pass: password }),
    prefix: lookup('POLYB_SUBJECT_PREFIX', find) ?? 'polyb',
  };
}

function checkServers(servers: readonly string[], found: SettingText | undefined): void {
  const wrong = servers.find((server) => server.includes('://') && !schemes.includes(URL.parse(server)?.protocol ?? ''));
  if (wrong === undefined) return;
  const expected = 'expected nats://host:4222 (or tls://, ws://, wss://)';
  const given = JSON.stringify(wrong.replace(/\/\/[^@/]*@/g, '//***@').slice(0, 60));
  if (found === undefined || 'problem' in found) throw wrongUsage(`--nats-url: ${expected}; got ${given}`);
  throw badSettings([`NATS_URL: ${expected}, got ${given} from ${found.from}`]);
}

/**
 * `lasting` connections come back after a drop; one for a single question is a plain socket, which is there sooner.
 * @throws unavailable (exit 6): not_connected when no server listens there, other_system when the server is not the one that `polyb up` started here.
 */
export async function connect(
  { flags, out, signal, env }: Needs,
  { lasting = outlives(flags), own = false }: { readonly lasting?: boolean; readonly own?: boolean } = {},
): Promise<Connected> {
  const { servers, server, system, user, pass, prefix } = busAddress({ flags, env }, { own });
  const timeoutMs = flags.ms('connect-timeout') ?? 2000;
  const tell = (facts: object, message: string) => out.detail(`  ${message} ${JSON.stringify(facts)}`);
  const log = { debug: () => {}, info: tell, warn: tell, error: tell };
  const name = user ?? guestUser;
  const who = { user, pass: user === undefined ? undefined : (pass ?? ''), name: 'polyb-cli', inboxUser: name };
  const beganAt = performance.now();
  try {
    const plain =
      lasting || servers.length > 1 ? undefined : dialPlain({ ...who, server: servers[0] ?? '', system, timeoutMs: timeoutMs / 2 });
    void plain?.catch(() => {}); // its failure is read below, after the import
    const { createBus } = await import('../../../bus/bus.ts');
    const left = () => Math.max(50, timeoutMs - (performance.now() - beganAt));
    const transport = (await plain) ?? (await dialLasting({ ...who, servers, log, signal, timeoutMs: left() }, system));
    const bus = createBus({ transport, name, log, prefix, noRespondersMs: 0 });
    return { bus, transport, prefix, server, [Symbol.asyncDispose]: () => bus.close({ graceMs: 0 }) };
  } catch (error) {
    if (!isPolybError(error)) throw error;
    throw advise(error, {
      subject: server,
      effect: 'nothing_sent',
      next: ['polyb up        starts everything on this machine', 'polyb doctor    finds the cause'],
    });
  }
}

/** No bus of this checkout answers. */
export const isUnreachable = ({ reason }: PolybError): boolean => reason === 'not_connected' || reason === 'other_system';

/** Does the command go on for longer than one question? */
function outlives(flags: Flags): boolean {
  return flags.on('watch') || flags.on('wait') || flags.text('each') !== undefined;
}
async function dialPlain(options: SocketOptions): Promise<Transport | undefined> {
  return await (await import('./socket.ts')).dialSocket(options);
}
/** The client library shows its password at once, so the server's name is read before. */
async function dialLasting(options: NatsOptions & { readonly servers: string[] }, system: string | undefined): Promise<Transport> {
  await requireSystem(options.servers[0] ?? '', system);
  return await (await import('../../../bus/transports/nats.ts')).connectNats(options);
}
