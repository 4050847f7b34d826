/** The webhooks of the fake EspoCRM. Source: EspoCRM documentation, Development / Webhooks, and the behaviour of EspoCRM 9.1.7. */
import { createHmac, randomBytes } from 'node:crypto';
import { type EspoRecord, refused } from './fake-records.ts';

export interface EspoWebhook {
  readonly id: string;
  readonly event: string;
  readonly url: string;
  readonly secretKey: string;
}
export interface EspoWebhooks {
  create(attributes: Readonly<Record<string, unknown>>): EspoWebhook;
  changed(entity: string, event: 'create' | 'update' | 'delete', record: EspoRecord): void;
  /** The cron job: one request for each webhook with what has changed since the last one. What was not accepted stays for the next. */
  deliver(): Promise<readonly number[]>;
  /** Sends the last request of each webhook again, as after an acknowledgement that was lost. */
  repeat(): Promise<readonly number[]>;
}
const timeoutMs = 10_000;

export function espoWebhooks(): EspoWebhooks {
  const hooks = new Map<string, { readonly hook: EspoWebhook; queue: EspoRecord[]; last: string | null }>();

  async function send({ id, secretKey, url }: EspoWebhook, body: string): Promise<number> {
    const digest = createHmac('sha256', secretKey).update(body).digest('hex');
    const { status } = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Signature: Buffer.from(`${id}:${digest}`).toString('base64'),
        'X-Signature': Buffer.concat([Buffer.from(`${id}:`), Buffer.from(digest, 'hex')]).toString('base64'),
      },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return status;
  }
  return {
    create({ event, url }) {
      if (typeof event !== 'string' || !/^\w+\.(create|update|delete|fieldUpdate\.\w+)$/.test(event))
        throw refused(400, 'Not valid event.');
      if (typeof url !== 'string' || !URL.canParse(url)) throw refused(400, 'Not valid url.');
      const hook = { id: randomBytes(9).toString('hex').slice(0, 17), event, url, secretKey: randomBytes(16).toString('hex') };
      hooks.set(hook.id, { hook, queue: [], last: null });
      return hook;
    },
    changed(entity, event, record) {
      for (const { hook, queue } of hooks.values()) {
        const field = new RegExp(`^${entity}\\.fieldUpdate\\.(\\w+)$`).exec(hook.event)?.[1];
        const isWanted = hook.event === `${entity}.${event}` || (event === 'update' && field !== undefined && field in record);
        if (isWanted) queue.push({ ...record });
      }
    },
    async deliver() {
      const statuses: number[] = [];
      for (const [id, each] of hooks) {
        if (each.queue.length === 0) continue;
        const count = each.queue.length;
        const body = JSON.stringify(each.queue);
        const status = await send(each.hook, body);
        statuses.push(status);
        if (status === 410) hooks.delete(id);
        if (status >= 300) continue;
        each.queue.splice(0, count);
        each.last = body;
      }
      return statuses;
    },
    async repeat() {
      const statuses: number[] = [];
      for (const { hook, last } of hooks.values()) if (last !== null) statuses.push(await send(hook, last));
      return statuses;
    },
  };
}
