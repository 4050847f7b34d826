/** Ways past an approval, none of which may lead anywhere: over the bus and over HTTP, with what the draft itself knows and with what is made up. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, headers as natsHeaders } from '@nats-io/transport-node';
import type { BusHost } from '../../bus/bus.ts';
import { gateway } from '../../contracts/gateway.ts';
import { journal } from '../../contracts/journal.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { insist } from './approval-desk.ts';
import type { Ground } from './ground.ts';

export interface Bypass extends AsyncDisposable {
  /** Tries each way on a draft that nobody approves; answers how many were let through. */
  tryAll(draft: { readonly id: string }): Promise<number>;
}
interface Stored {
  readonly key: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** @param http where the gateway is; undefined: only the bus is tried */
export async function openBypass(ground: Ground, bus: BusHost, http: string | undefined, signal: AbortSignal): Promise<Bypass> {
  const raw = await connect({ servers: ground.natsUrl, inboxPrefix: '_INBOX.forger', reconnectTimeWait: 100, maxReconnectAttempts: -1 });
  const keys = http === undefined ? undefined : { read: await makeKey(bus, 'read', signal), send: await makeKey(bus, 'send', signal) };

  /** This bus has no permissions, so anybody may call: with the draft's own key, and with another. */
  async function overBus({ key, input }: Stored): Promise<number> {
    let through = 0;
    for (const each of [key, `${key} once more`]) {
      const call = () => bus.call(messages.deliver, input as never, { key: each, timeoutMs: 5_000, retry: false });
      if (await isLetThrough(() => insist(call, signal))) through += 1;
    }
    return through;
  }
  /** Says in headers and fields that it was approved. */
  async function forgedOnBus({ key, input }: Stored): Promise<number> {
    const claims = { approval: 'none', approved: true, approvedBy: ['operator'], state: 'queued' };
    const bodies = [input, { ...input, ...claims }];
    let through = 0;
    for (const [nth, body] of bodies.entries()) {
      const headers = natsHeaders();
      headers.set('idempotency-key', `${key} forged ${nth}`);
      for (const [name, value] of Object.entries({ ...claims, caller: 'sender', roles: 'sender,operator' })) {
        headers.set(name, String(value));
        headers.set(`polyb-${name}`, String(value));
      }
      const reply = await raw
        .request('polyb.rpc.messages.deliver.by.forger', JSON.stringify(body), { headers, timeout: 3_000 })
        .catch(() => null); // killed, or nobody is there
      if (reply !== null && !reply.headers?.has('polyb-code')) through += 1;
    }
    return through;
  }
  /** The hash of another text; the row of another draft. */
  async function forgedApproval(id: string): Promise<number> {
    const hashes = [createHash('sha256').update(id).digest('hex'), ''];
    let through = 0;
    for (const hash of hashes) {
      const approve = () => bus.call(journal.approve, { id, hash }, { timeoutMs: 5_000, retry: false });
      if (await isLetThrough(() => insist(approve, signal))) through += 1;
    }
    return through;
  }
  async function overHttp(
    root: string,
    { read, send }: { readonly read: string; readonly send: string },
    id: string,
    stored: Stored,
  ): Promise<number> {
    const right = `${send.slice(0, -1)}${send.endsWith('A') ? 'B' : 'A'}`;
    const wrongHash = { 'if-match': `"${createHash('sha256').update(id).digest('hex')}"` };
    const { chatId, text } = stored.input;
    const tries: readonly { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: object }[] = [
      { path: '/api/v1/messages/deliver', headers: { 'x-api-key': send, 'idempotency-key': stored.key }, body: stored.input },
      { path: '/api/v1/send', headers: { 'x-api-key': send }, body: { chatId, text, approval: 'none', approved: true } },
      { path: `/api/v1/journal/${id}/approve`, headers: { 'x-api-key': read }, body: {} },
      { path: `/api/v1/journal/${id}/retry`, headers: { 'x-api-key': send }, body: {} },
      { path: `/api/v1/sandbox/${id}/approve`, headers: {}, body: {} },
      { path: `/api/v1/sandbox/${id}/approve`, headers: { 'x-api-key': read }, body: {} },
      { path: `/api/v1/sandbox/${id}/approve`, headers: { 'x-api-key': right }, body: {} },
      { path: `/api/v1/sandbox/${id}/approve`, headers: { 'x-api-key': send, ...wrongHash }, body: {} },
    ];
    let through = 0;
    for (const { path, headers, body } of tries) {
      const status = await statusOf(`${root}${path}`, headers, body, signal);
      if (status < 400) through += 1;
    }
    return through;
  }

  return {
    async tryAll({ id }) {
      const { value } = await insist(() => ground.store.query<Stored>('select key, input from journal.rows where id = $1', [id]), signal);
      const [stored] = value;
      if (stored === undefined) throw new Error(`${id} is not there`);
      const counts = [await overBus(stored), await forgedOnBus(stored), await forgedApproval(id)];
      if (http !== undefined && keys !== undefined) counts.push(await overHttp(http, keys, id, stored));
      return counts.reduce((sum, each) => sum + each, 0);
    },
    [Symbol.asyncDispose]: () => raw.close(),
  };
}

async function isLetThrough(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    if (isPolybError(thrown)) return false;
    throw thrown;
  }
}
async function makeKey(bus: BusHost, scope: 'read' | 'send', signal: AbortSignal): Promise<string> {
  const keyId = `pk_${scope}faults`;
  const secret = randomBytes(24).toString('base64url');
  const secretHash = createHash('sha256').update(secret).digest('hex');
  await insist(() => bus.call(gateway.create_key, { keyId, secretHash, client: scope, scopes: [scope] }), signal);
  return `${keyId}.${secret}`;
}
/** Of an answer that is one: what is killed meanwhile is asked again. */
async function statusOf(url: string, headers: Readonly<Record<string, string>>, body: object, signal: AbortSignal): Promise<number> {
  for (;;) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal,
    });
    await answer.arrayBuffer();
    if (answer.status < 500) return answer.status;
    await delay(200, undefined, { signal });
  }
}
