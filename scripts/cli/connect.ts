/** The command line's one way onto the bus. */
import type { BusHost } from '../../bus/bus.ts';
import type { Transport } from '../../bus/transport.ts';
import { lookup, openSources } from '../../config/env.ts';
import { isPolybError } from '../../contracts/errors.ts';
import type { Invocation } from './command.ts';
import { advise } from './failure.ts';
import { maskPhones } from './text.ts';

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
export function busAddress({ flags, env }: Pick<Needs, 'flags' | 'env'>) {
  const find = openSources({ env });
  const url = flags.text('nats-url') ?? lookup(['POLYB_NATS_URL', 'NATS_URL'], find) ?? 'nats://127.0.0.1:4222';
  const password = lookup('POLYB_NATS_OPERATOR_PASSWORD', find);
  const user = password === undefined ? lookup('NATS_USER', find) : 'operator';
  return {
    servers: url.split(',').map((server) => server.trim()),
    server: url.replace(/\/\/[^@/]*@/g, '//'),
    user,
    pass: password ?? (user === undefined ? undefined : lookup('NATS_PASSWORD', find)),
    prefix: lookup('POLYB_SUBJECT_PREFIX', find) ?? 'polyb',
  };
}

/** @throws unavailable/not_connected (exit 6) when nobody listens there. */
export async function connect({ flags, out, signal, env }: Needs): Promise<Connected> {
  const { servers, server, user, pass, prefix } = busAddress({ flags, env });
  const [{ connectNats }, { createBus }] = await Promise.all([import('../../bus/nats.ts'), import('../../bus/bus.ts')]);
  const timeoutMs = flags.ms('connect-timeout') ?? 2000;
  const tell = (facts: object, message: string) => out.detail(maskPhones(`  ${message} ${JSON.stringify(facts)}`));
  const log = { debug: () => {}, info: tell, warn: tell, error: tell };
  try {
    const transport = await connectNats({
      servers: servers.join(','),
      ...(user === undefined ? {} : { user, pass: pass ?? '' }),
      name: 'polyb-cli',
      inboxUser: user ?? 'anonymous',
      log,
      signal,
      timeoutMs,
    });
    const bus = createBus({ transport, name: user ?? 'anonymous', log, prefix, noRespondersMs: 0 });
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
