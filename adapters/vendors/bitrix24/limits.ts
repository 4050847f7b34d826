/**
 * The limits of a portal: a leaky bucket for all requests, and the working time of each method. Source: b24restdocs, limits.
 *
 * A batch is one request for the bucket; each of its commands counts as work of its method.
 */
import type { HttpAnswer, HttpRequest } from '../../deps.ts';
import type { Cooldown, HttpLimits } from '../../quota.ts';
import { blockedMs, envelopeOf, isObject, vendorError } from './envelope.ts';

/**
 * By tariff: requests at once, and how many a second drain. The buckets of the portals hold 50 and 250: a network may bunch the requests
 * of a second.
 */
export const buckets = { standard: { burst: 48, perSecond: 2 }, enterprise: { burst: 245, perSecond: 5 } } as const;

/** Work counts for ten minutes, in steps of one. */
const workMs = 600_000;
const workStepMs = 60_000;
/** After a refusal the bucket is full: another process of this address fills it. */
const drainMs = 2_000;

export interface BitrixLimits extends HttpLimits {
  /** How long a method that is over its limit of work stays blocked. */
  blockedForMs(method: string): number;
}

export function bitrixLimits({
  host,
  connection,
  tariff,
  now,
}: {
  readonly host: string;
  readonly connection: string;
  readonly tariff: keyof typeof buckets;
  readonly now: () => number;
}): BitrixLimits {
  const { burst, perSecond } = buckets[tariff];
  const portal = { bucket: `bitrix24:${host}`, limit: burst, windowMs: (burst / perSecond) * 1000 };
  const bucketOf = (method: string) => `bitrix24:${host}:${connection}:${method}`;
  /** From the last good answer of each method. */
  const resetAt = new Map<string, number>();

  const blockedForMs = (method: string): number => {
    const reset = resetAt.get(method);
    if (reset === undefined) return workMs;
    // Never longer than work counts: the clocks may differ by hours.
    return reset > now() ? Math.min(reset - now(), workMs) : workStepMs;
  };
  const pause = (methods: readonly string[]): Cooldown[] =>
    methods.map((method) => ({ bucket: bucketOf(method), ms: blockedForMs(method) }));

  /** The outcome of a batch by command: working times to remember, and methods that are over their limit. */
  function ofBatch(result: unknown, commands: ReadonlyMap<string, string>): readonly string[] {
    const { result_time: times, result_error: errors } = isObject(result) ? result : {};
    const over: string[] = [];
    for (const [key, method] of commands) {
      remember(method, at(at(times, key), 'operating_reset_at'));
      const error = at(errors, key);
      if (error !== undefined && vendorError(error, '').code === 'OPERATION_TIME_LIMIT') over.push(method);
    }
    return over;
  }
  function remember(method: string, seconds: unknown): void {
    if (Number(seconds) > 0) resetAt.set(method, Number(seconds) * 1000);
  }

  return {
    blockedForMs,
    limits: () => [portal],
    covers: (request) => [...new Set(commandsOf(request).values())].map(bucketOf),
    cooldownsOf(answer: HttpAnswer, request: HttpRequest) {
      const envelope = envelopeOf(answer);
      const commands = commandsOf(request);
      const methods = [...new Set(commands.values())];
      const code = envelope?.error?.code;
      if (code === 'QUERY_LIMIT_EXCEEDED') return [{ bucket: portal.bucket, ms: drainMs }];
      if (code === 'OVERLOAD_LIMIT' || (answer.status === 403 && envelope === null)) return [{ bucket: portal.bucket, ms: blockedMs }];
      if (code === 'OPERATION_TIME_LIMIT' || answer.status === 429) return pause(methods);
      // The answer to a batch over the limit of work may be a page with status 200.
      if (methodOf(request) === 'batch')
        return pause(envelope === null && answer.status === 200 ? methods : ofBatch(envelope?.result, commands));
      if (envelope?.operatingResetAt !== undefined) for (const method of methods) remember(method, envelope.operatingResetAt / 1000);
      return [];
    },
  };
}

export function methodOf({ url }: HttpRequest): string {
  return new URL(url).pathname.split('/').at(-1) ?? '';
}
/** Methods that a request runs, by the key of the command in a batch. */
function commandsOf(request: HttpRequest): ReadonlyMap<string, string> {
  const method = methodOf(request);
  if (method !== 'batch') return new Map([[method, method]]);
  const { cmd } = JSON.parse(String(request.body)) as { readonly cmd: Readonly<Record<string, string>> }; // Written by the client.
  return new Map(Object.entries(cmd).map(([key, command]) => [key, command.split('?', 1)[0] ?? '']));
}
/** Each part of a batch is a list when its keys are 0, 1, 2, …, or when it is empty. */
function at(part: unknown, key: string): unknown {
  return typeof part === 'object' && part !== null ? (part as Readonly<Record<string, unknown>>)[key] : undefined;
}
