/** Admits a request: authenticates the key, checks its scope and its rate. Errors reveal no more than necessary. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Cache, Limit, RateDecision } from '../../adapters/cache/port.ts';
import type { Scope } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Identity, Keys } from './keys.ts';

export interface AdmitParts {
  readonly keys: Keys;
  readonly cache: Cache;
  readonly limit: Limit;
}
export type Admit = (scope: Scope, request: FastifyRequest, reply: FastifyReply) => Promise<Identity>;

/**
 * Failed keys per address; guessing is hopeless anyway, and this reports it. Every key is checked, because many clients share an
 * address, and the failures of one must not lock out the others.
 */
const failures: Limit = { limit: 30, windowMs: 60_000 };

/** @throws PolybError unauthenticated, permission_denied, resource_exhausted. */
export function createAdmit({ keys, cache, limit }: AdmitParts): Admit {
  const policy = `"burst";q=${limit.limit};w=${Math.ceil(limit.windowMs / 1000)}`;

  async function identify(presented: string, address: string): Promise<Identity> {
    // A request without a key guesses nothing.
    if (presented === '') throw unknown();
    const found = await keys.identify(presented);
    if (found !== null) return found;
    const taken = await cache.take(`failures:${address}`, failures);
    throw taken.isAllowed ? unknown() : tooMuch(taken.retryAfterMs);
  }

  return async (scope, request, reply) => {
    const presented = presentedKey(request);
    const identity = keys.remembered(presented) ?? (await identify(presented, request.ip));
    const taken = await cache.take(`key:${identity.keyId}`, limit);
    reply.header('ratelimit-policy', policy).header('ratelimit', rateLimit(taken));
    if (!taken.isAllowed) throw tooMuch(taken.retryAfterMs);
    if (!identity.allows(scope)) throw new PolybError('permission_denied', 'This API key does not allow this request.');
    return identity;
  };
}

function presentedKey({ headers }: FastifyRequest): string {
  const own = headers['x-api-key'];
  if (typeof own === 'string') return own.trim();
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}
/** One message for every kind of invalid key. */
function unknown(): PolybError {
  return new PolybError('unauthenticated', 'Provide a valid API key in X-API-Key, or in Authorization: Bearer.');
}
function rateLimit({ remaining, resetMs }: RateDecision): string {
  return `"burst";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
}
function tooMuch(retryAfterMs: number): PolybError {
  return new PolybError('resource_exhausted', 'Too many requests; try again later.', { reason: 'rate_limited', retryAfterMs });
}
