/** `polyb webhooks`: events that go out over HTTP. Secrets are made here and shown once. */
import { randomBytes, randomUUID } from 'node:crypto';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { callable } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { explain, lazyBus, resolveTarget } from '../kernel/method.ts';

interface Subscription {
  readonly client: string;
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly isEnabled: boolean;
  readonly failingSince: string | null;
  readonly lastError: string | null;
  readonly lastDeliveredAt: string | null;
}
const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

export async function createWebhook(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const target = targetOf(invocation, 'create');
  const url = flags.text('url');
  if (url === undefined)
    throw wrongUsage('expected --url', {
      subject: 'webhooks create',
      next: ['polyb webhooks create agent --url https://agent.example/hook'],
    });
  const events = (flags.text('events') ?? 'inbox.message_received').split(',').map((event) => event.trim());
  const secret = newSecret();
  const made = await ask<Subscription>(invocation, 'put_subscription', { ...target, url, events, secret });
  await out.result({ secret, ...made }, { text: () => secret });
  out.note(`${made.name} of ${made.client} receives ${made.events.join(', ')}; the secret is shown only once`, 'ok');
  return 0;
}

export async function listWebhooks(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const client = flags.text('client');
  const { items } = await ask<{ readonly items: readonly Subscription[] }>(
    invocation,
    'list_subscriptions',
    client === undefined ? {} : { client },
  );
  const stateOf = ({ isEnabled, failingSince }: Subscription): string => {
    if (!isEnabled) return 'disabled';
    return failingSince === null ? 'ok' : `failing since ${out.time(failingSince)}`;
  };
  await out.result(
    { items },
    {
      table: () => ({
        columns: ['CLIENT', 'NAME', 'EVENTS', 'URL', 'STATE', 'LAST DELIVERY', 'LAST ERROR'],
        rows: items.map((one) => [
          one.client,
          one.name,
          one.events.join(','),
          one.url,
          stateOf(one),
          one.lastDeliveredAt === null ? '' : out.time(one.lastDeliveredAt),
          one.lastError ?? '',
        ]),
      }),
      items,
    },
  );
  return 0;
}

export async function rotateWebhook(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const target = targetOf(invocation, 'rotate');
  const overlapHours = flags.whole('overlap');
  const secret = newSecret();
  const rotated = await ask<Subscription>(invocation, 'rotate_secret', {
    ...target,
    secret,
    ...(overlapHours !== undefined && { overlapHours }),
  });
  await out.result({ secret, ...rotated }, { text: () => secret });
  out.note(`${rotated.name} of ${rotated.client} has a new secret; it is shown only once`, 'ok');
  return 0;
}

export async function replayWebhook(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const target = targetOf(invocation, 'replay');
  const since = flags.text('since');
  if (since === undefined)
    throw wrongUsage('expected --since', {
      subject: 'webhooks replay',
      next: ['polyb webhooks replay agent --since 2026-05-01T00:00:00Z'],
    });
  const until = flags.text('until') ?? new Date().toISOString();
  const replayed = await ask<{ readonly deliveries: number }>(invocation, 'replay', { ...target, since, until }, randomUUID());
  await out.result(replayed, { text: () => `${replayed.deliveries} deliveries` });
  return 0;
}

export async function removeWebhook(invocation: Invocation): Promise<number> {
  const target = targetOf(invocation, 'remove');
  const { isRemoved } = await ask<{ readonly isRemoved: boolean }>(invocation, 'remove_subscription', target);
  await invocation.out.result(
    { isRemoved },
    { text: () => (isRemoved ? `${target.name}  removed` : `there is no subscription ${target.name}`) },
  );
  return 0;
}

function targetOf({ args, flags }: Invocation, command: string): { readonly client: string; readonly name: string } {
  const [name] = args;
  if (name === undefined)
    throw wrongUsage('expected the name of a subscription', { subject: `webhooks ${command}`, next: ['polyb webhooks list'] });
  return { client: flags.text('client') ?? 'default', name };
}

async function ask<T>(invocation: Invocation, name: string, input: object, key?: string): Promise<T> {
  const { flags, signal } = invocation;
  await using line = lazyBus(invocation);
  const { entry } = await resolveTarget(`webhooks.${name}`, line.get);
  const { bus } = await line.get();
  try {
    // The service validates its answer against the contract, so its shape is what `T` says.
    return (await bus.request(callable(entry), input, { signal, timeoutMs: flags.ms('timeout'), ...(key !== undefined && { key }) })) as T;
  } catch (error) {
    if (!isPolybError(error)) throw error;
    throw explain(error, entry, undefined);
  }
}
