/**
 * Limits of providers. A request takes from every bucket that it falls into, and waits while a bucket that the provider has closed
 * cools down. Buckets and cooldowns are shared by all processes through the cache.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isPolybError, PolybError } from '../contracts/kit/errors.ts';
import type { Cache, Limit } from '../contracts/kit/ports.ts';
import type { Http, HttpAnswer, HttpRequest } from './deps.ts';

/** A limit of a provider: `limit` requests in any `windowMs` for all that share the bucket. A limit of 1 spaces requests evenly. */
export interface Quota extends Limit {
  readonly bucket: string;
  /**
   * Whether a refusal with this reason starts a cooldown of the bucket for its `retryAfterMs`; default: every refusal does.
   */
  readonly startsCooldown?: (reason: string | undefined) => boolean;
}
export interface Quotas {
  /**
   * Runs the work unless one of the buckets is cooling down. A refusal of the provider that names a time starts the cooldown, for all
   * processes that share the cache. @throws PolybError resource_exhausted/quota with the remaining time during a cooldown.
   */
  withCooldown<T>(buckets: readonly Pick<Quota, 'bucket' | 'startsCooldown'>[], work: () => Promise<T>): Promise<T>;
  /** The same, and takes one from each bucket first. @throws PolybError resource_exhausted/quota with the time until the take is allowed. */
  within<T>(quotas: readonly Quota[], work: () => Promise<T>): Promise<T>;
}

/** The error for a request that is withheld from the provider: nothing was sent, and the journal retries in time. */
function quotaExceeded(retryAfterMs: number): PolybError {
  return new PolybError('resource_exhausted', 'The provider limits the rate of requests; sending resumes later.', {
    reason: 'quota',
    retryAfterMs,
  });
}

export function quotasIn(cache: Pick<Cache, 'take' | 'get' | 'set'>, now: () => number): Quotas {
  const cooldowns = cooldownsIn(cache, now);
  const withCooldown: Quotas['withCooldown'] = async (buckets, work) => {
    const longestMs = await cooldowns.longestMs(buckets.map(({ bucket }) => bucket));
    if (longestMs > 0) throw quotaExceeded(longestMs);
    try {
      return await work();
    } catch (thrown) {
      if (isPolybError(thrown) && thrown.code === 'resource_exhausted' && thrown.retryAfterMs !== undefined && thrown.reason !== 'quota') {
        const { reason, retryAfterMs } = thrown;
        const those = buckets.filter(({ startsCooldown }) => startsCooldown === undefined || startsCooldown(reason));
        await Promise.all(those.map(({ bucket }) => cooldowns.start(bucket, retryAfterMs)));
      }
      throw thrown;
    }
  };
  return {
    withCooldown,
    within: (quotas, work) =>
      withCooldown(quotas, async () => {
        for (const { bucket, ...limit } of quotas) {
          const { isAllowed, retryAfterMs } = await cache.take(bucket, limit);
          if (!isAllowed) throw quotaExceeded(retryAfterMs);
        }
        return work();
      }),
  };
}

/** Cooldowns that this process started are also kept here, because the cache may forget or be unavailable. */
function cooldownsIn(cache: Pick<Cache, 'get' | 'set'>, now: () => number) {
  const own = new Map<string, number>();
  const keyOf = (bucket: string): string => `shut:${bucket}`;

  async function remainingMs(bucket: string): Promise<number> {
    const shared = await cache.get(keyOf(bucket));
    // While the entry exists the bucket cools down, whatever the clock of the process that wrote it showed.
    const sharedMs = shared === null ? 0 : Math.max(1, Number(shared) - now());
    return Math.max(sharedMs, (own.get(bucket) ?? 0) - now(), 0);
  }
  return {
    async longestMs(buckets: readonly string[]): Promise<number> {
      return Math.max(0, ...(await Promise.all(buckets.map(remainingMs))));
    },
    async start(bucket: string, forMs: number): Promise<void> {
      for (const [other, until] of own) if (until <= now()) own.delete(other);
      own.set(bucket, now() + forMs);
      await cache.set(keyOf(bucket), String(now() + forMs), forMs);
    },
  };
}

/** What a provider's answer closes. */
export interface Cooldown {
  /** A bucket of `limits`, or any other name that `covers` returns: `bitrix24:portal.example:crm.lead.add`. */
  readonly bucket: string;
  readonly ms: number;
}
export interface HttpLimits {
  /** Buckets of a request, the narrowest first. */
  limits(request: HttpRequest): readonly Quota[];
  /** Cooldowns that stop a request beside those of its buckets. Default: none. */
  covers?(request: HttpRequest): readonly string[];
  /** Cooldowns that begin with an answer. */
  cooldownsOf(answer: HttpAnswer, request: HttpRequest): readonly Cooldown[];
}
/** How long a request waits for its turn before it is refused. */
const patienceMs = 3_000;
/** A turn that comes later than this is not taken ahead: whoever gives up while it waits wastes it. */
const mostAheadMs = 1_000;

/**
 * The HTTP client of one connection: requests of all processes keep to the limits of the provider. A request waits up to 3 s for its
 * turn, in order of arrival; the journal retries what is refused.
 * @throws PolybError resource_exhausted/rate_limited with `retryAfterMs`; nothing was sent.
 */
export function limitedHttp(http: Http, { cache, now }: { readonly cache: Cache; readonly now: () => number }, rules: HttpLimits): Http {
  const cooldowns = cooldownsIn(cache, now);
  /** `isEmpty`: the bucket refused the latest take. */
  const queues = new Map<string, { waiting: number; isEmpty: boolean; last: Promise<unknown> }>();

  /**
   * Takes one from the bucket, after all that asked before. Returns whether it waited. A turn is taken one ahead and waited for, so that
   * a timer that is late costs no turn.
   */
  async function takeInTurn({ bucket, limit, windowMs }: Quota, signal: AbortSignal): Promise<boolean> {
    const queue = queues.get(bucket) ?? { waiting: 0, isEmpty: false, last: Promise.resolve() };
    queues.set(bucket, queue);
    const turnMs = windowMs / limit;
    const expectedMs = queue.waiting * turnMs;
    if (queue.isEmpty && expectedMs > patienceMs) throw rateLimited(expectedMs);
    queue.waiting += 1;
    const until = now() + patienceMs;
    const turn = queue.last.then(async () => {
      for (let waited = queue.waiting > 1; ; waited = true) {
        signal.throwIfAborted();
        const taken = await cache.take(
          bucket,
          turnMs > mostAheadMs ? { limit, windowMs } : { limit: limit + 1, windowMs: windowMs + turnMs },
        );
        const waitMs = taken.isAllowed ? Math.max(0, taken.resetMs - windowMs) : taken.retryAfterMs;
        queue.isEmpty = waitMs > 0;
        if (!taken.isAllowed && now() + waitMs > until) throw rateLimited(waitMs);
        if (waitMs > 0) await delay(waitMs, undefined, { signal });
        if (taken.isAllowed) return waited || waitMs > 0;
      }
    });
    queue.last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      queue.waiting -= 1;
      if (queue.waiting === 0) queues.delete(bucket);
    }
  }

  return async (request) => {
    const limits = rules.limits(request);
    const covers = [...limits.map(({ bucket }) => bucket), ...(rules.covers?.(request) ?? [])];
    const longestMs = await cooldowns.longestMs(covers);
    if (longestMs > 0) throw rateLimited(longestMs);
    let waited = false;
    try {
      for (const limit of limits) if (await takeInTurn(limit, request.signal)) waited = true;
    } catch (thrown) {
      // `http` refuses an aborted request itself, with the right error.
      if (!request.signal.aborted) throw thrown;
    }
    const sinceMs = waited ? await cooldowns.longestMs(covers) : 0;
    if (sinceMs > 0) throw rateLimited(sinceMs);
    const answer = await http(request);
    for (const { bucket, ms } of rules.cooldownsOf(answer, request)) await cooldowns.start(bucket, ms);
    return answer;
  };
}
function rateLimited(retryAfterMs: number): PolybError {
  return new PolybError('resource_exhausted', 'The provider limits the rate of requests; nothing was sent. Try again later.', {
    reason: 'rate_limited',
    retryAfterMs: Math.ceil(retryAfterMs),
    outcome: 'not_executed',
  });
}
