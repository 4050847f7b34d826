/** Subscriptions and the events sent to them, as rows. */
import type { Queries } from '../../bus/service.ts';
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import type { webhooks } from '../../contracts/webhooks.ts';

export type Subscription = OutputOf<typeof webhooks.put_subscription>;
interface Columns {
  readonly client: string;
  readonly name: string;
  readonly url: string;
  readonly events: Subscription['events'];
  readonly is_enabled: boolean;
  readonly failing_since: Date | null;
  readonly last_error: string | null;
  readonly last_delivered_at: Date | null;
  readonly former_until: Date | null;
  readonly created_at: Date;
}
const columns = 'client, name, url, events, is_enabled, failing_since, last_error, last_delivered_at, former_until, created_at';
const healthy = 'is_enabled = true, failing_since = null, last_error = null, head_event_id = null, head_since = null';

function subscriptionOf(row: Columns): Subscription {
  const time = (at: Date | null) => at?.toISOString() ?? null;
  return {
    client: row.client,
    name: row.name,
    url: row.url,
    events: row.events,
    isEnabled: row.is_enabled,
    failingSince: time(row.failing_since),
    lastError: row.last_error,
    lastDeliveredAt: time(row.last_delivered_at),
    formerSecretUntil: time(row.former_until),
    createdAt: row.created_at.toISOString(),
  };
}

/** Null if it does not exist and `secret` is missing. */
export async function putSubscription(
  db: Queries,
  subscriptionId: string,
  { client, name, url, events, secret }: InputOf<typeof webhooks.put_subscription>,
): Promise<Subscription | null> {
  const distinct = [...new Set(events)];
  const [changed] = await db.query<Columns>(
    `update webhooks.subscriptions set url = $3, events = $4, ${healthy}, secret = coalesce($5, secret),
       former_secret = case when $5 is null or $5 = secret then former_secret end, former_until = case when $5 is null or $5 = secret then former_until end
     where client = $1 and name = $2 returning ${columns}`,
    [client, name, url, distinct, secret ?? null],
  );
  if (changed !== undefined) return subscriptionOf(changed);
  if (secret === undefined) return null;
  const [made] = await db.query<Columns>(
    `insert into webhooks.subscriptions (subscription_id, client, name, url, events, secret) values ($1, $2, $3, $4, $5, $6)
     on conflict (client, name) do update set url = excluded.url, events = excluded.events, secret = excluded.secret returning ${columns}`,
    [subscriptionId, client, name, url, distinct, secret],
  );
  return subscriptionOf(made as Columns);
}

/** Null if there is none. */
export async function rotateSecret(
  db: Queries,
  { client, name, secret, overlapHours }: { client: string; name: string; secret: string; overlapHours: number },
): Promise<Subscription | null> {
  const [row] = await db.query<Columns>(
    `update webhooks.subscriptions set
       former_secret = case when secret = $3 then former_secret when $4 > 0 then secret end,
       former_until = case when secret = $3 then former_until when $4 > 0 then now() + $4 * interval '1 hour' end,
       secret = $3
     where client = $1 and name = $2 returning ${columns}`,
    [client, name, secret, overlapHours],
  );
  return row === undefined ? null : subscriptionOf(row);
}

export async function listSubscriptions(db: Queries, client: string | undefined): Promise<Subscription[]> {
  const rows = await db.query<Columns>(
    `select ${columns} from webhooks.subscriptions where $1::text is null or client = $1 order by client, name limit 200`,
    [client ?? null],
  );
  return rows.map(subscriptionOf);
}

export async function removeSubscription(db: Queries, client: string, name: string): Promise<boolean> {
  const gone = await db.query('delete from webhooks.subscriptions where client = $1 and name = $2 returning 1', [client, name]);
  return gone.length > 0;
}

export interface Target {
  readonly subscriptionId: string;
  readonly events: readonly string[];
}
/** Enabled subscriptions. */
export async function targets(db: Queries): Promise<readonly Target[]> {
  return db.query<Target>(`select subscription_id as "subscriptionId", events from webhooks.subscriptions where is_enabled`);
}

export async function keepEvent(tx: Queries, eventId: string, event: string, payload: unknown): Promise<void> {
  await tx.query('insert into webhooks.events (event_id, event, payload) values ($1, $2, $3)', [eventId, event, JSON.stringify(payload)]);
}

/** Events of a time range that the subscription names, in order; null for an unknown subscription. */
export async function eventsToReplay(
  tx: Queries,
  { client, name, since, until, most }: { client: string; name: string; since: string; until: string; most: number },
): Promise<{ readonly subscriptionId: string; readonly eventIds: readonly string[] } | null> {
  const [row] = await tx.query<{ subscriptionId: string; eventIds: readonly string[] }>(
    `select subscription_id as "subscriptionId", array(
       select event_id from webhooks.events where event = any (subscription.events) and at >= $3 and at < $4 order by at, event_id limit $5) as "eventIds"
     from webhooks.subscriptions subscription where client = $1 and name = $2`,
    [client, name, since, until, most],
  );
  return row ?? null;
}

export interface DueDelivery {
  readonly client: string;
  readonly url: string;
  readonly secrets: readonly string[];
  readonly event: string;
  readonly at: Date;
  readonly payload: unknown;
}
/** Null when the subscription or the event is gone, or the subscription is disabled. */
export async function findDue(db: Queries, subscriptionId: string, eventId: string): Promise<DueDelivery | null> {
  const [row] = await db.query<DueDelivery>(
    `select client, url, array_remove(array[secret, case when former_until > now() then former_secret end], null) as secrets, event, at, payload
     from webhooks.subscriptions, webhooks.events where subscription_id = $1 and is_enabled and event_id = $2`,
    [subscriptionId, eventId],
  );
  return row ?? null;
}

/** Written at most every ten seconds while deliveries succeed. */
export async function noteDelivered(db: Queries, subscriptionId: string): Promise<void> {
  await db.query(
    `update webhooks.subscriptions set failing_since = null, last_error = null, head_event_id = null, head_since = null, last_delivered_at = now()
     where subscription_id = $1 and (failing_since is not null or last_delivered_at is null or last_delivered_at < now() - interval '10 seconds')`,
    [subscriptionId],
  );
}

export interface FailureTimes {
  /** How long this event has been failing, and how long no delivery succeeded. Milliseconds. */
  readonly headMs: number;
  readonly failingMs: number;
}
export async function noteFailed(db: Queries, subscriptionId: string, eventId: string, error: string): Promise<FailureTimes> {
  const [row] = await db.query<FailureTimes>(
    `update webhooks.subscriptions set failing_since = coalesce(failing_since, now()), last_error = $3, head_event_id = $2,
       head_since = case when head_event_id = $2 then head_since else now() end
     where subscription_id = $1
     returning extract(epoch from now() - head_since)::float8 * 1000 as "headMs", extract(epoch from now() - failing_since)::float8 * 1000 as "failingMs"`,
    [subscriptionId, eventId, error.slice(0, 300)],
  );
  return row ?? { headMs: 0, failingMs: 0 };
}

export async function disable(db: Queries, subscriptionId: string, why: string): Promise<void> {
  await db.query('update webhooks.subscriptions set is_enabled = false, last_error = $2 where subscription_id = $1', [
    subscriptionId,
    why.slice(0, 300),
  ]);
}

/** Deletes old events, in portions. */
export async function forgetEvents(db: Queries, olderThanDays: number, signal: AbortSignal): Promise<void> {
  const portion = 5_000;
  for (let gone = portion; gone === portion; signal.throwIfAborted())
    gone = (
      await db.query(
        `delete from webhooks.events where event_id in (
           select event_id from webhooks.events where at < now() - make_interval(days => $1) order by at, event_id limit $2) returning 1`,
        [olderThanDays, portion],
      )
    ).length;
}
