/** Admits a request: authenticates the key or the session, checks what it may and its rate. Errors reveal no more than necessary. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Cache, Limit, RateDecision } from '../../adapters/cache/port.ts';
import type { Scope } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Identity, Keys } from './keys.ts';
import { isFormerPath, isLocalProgram, localPrograms } from './local-programs.ts';
import { readCookie, requireSameOrigin } from './people/cookie.ts';
import type { Sessions } from './people/sessions.ts';
import type { HttpRoute } from './routes.ts';

export interface AdmitParts {
  readonly keys: Keys;
  readonly sessions: Pick<Sessions, 'identify'>;
  readonly cache: Cache;
  readonly limit: Limit;
  /** Admits programs of this machine to the paths of former programs without a key; default false. */
  readonly withoutKeys?: boolean;
}
export type Admit = (
  to: { readonly scope: Scope; readonly people: HttpRoute['people']; readonly path: string },
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<Identity>;

/**
 * Failed keys per address; guessing is hopeless anyway, and this reports it. Every key is checked, because many clients share an
 * address, and the failures of one must not lock out the others.
 */
const failures: Limit = { limit: 30, windowMs: 60_000 };

/** @throws PolybError unauthenticated, permission_denied, resource_exhausted. */
export function createAdmit({ keys, sessions, cache, limit, withoutKeys = false }: AdmitParts): Admit {
  const policy = `"burst";q=${limit.limit};w=${Math.ceil(limit.windowMs / 1000)}`;

  async function identify(presented: string, address: string): Promise<Identity> {
    // A request without a key guesses nothing.
    if (presented === '') throw unknown();
    const found = await keys.identify(presented);
    if (found !== null) return found;
    const taken = await cache.take(`failures:${address}`, failures);
    throw taken.isAllowed ? unknown() : tooMuch(taken.retryAfterMs);
  }

  /** A person by the cookie; null without one, or when the session has ended. */
  async function person(request: FastifyRequest): Promise<Identity | null> {
    const identity = await sessions.identify(readCookie(request, 'session'));
    if (identity !== null && !harmless.has(request.method)) requireSameOrigin(request);
    return identity;
  }

  return async ({ scope, people, path }, request, reply) => {
    const presented = presentedKey(request);
    const identity =
      keys.remembered(presented) ??
      (presented === '' ? await person(request) : null) ??
      (withoutKeys && isFormerPath(path) && isLocalProgram(request) ? localPrograms : await identify(presented, request.ip));
    const taken = await cache.take(`key:${identity.keyId}`, limit);
    reply.header('ratelimit-policy', policy).header('ratelimit', rateLimit(taken));
    if (!taken.isAllowed) throw tooMuch(taken.retryAfterMs);
    if (!identity.allows(scope, people)) throw deniedTo(identity, people);
    return identity;
  };
}

const harmless = new Set(['GET', 'HEAD', 'OPTIONS']);

export function deniedTo({ viewer, session }: Identity, people: HttpRoute['people']): PolybError {
  if (viewer === undefined) return new PolybError('permission_denied', 'This API key does not allow this request.');
  if (session?.mustEnrol === true)
    return new PolybError('permission_denied', 'Set up an authenticator app first: POST /api/v1/session/second-factor.', {
      reason: 'second_factor_required',
    });
  return new PolybError(
    'permission_denied',
    `The role ${viewer.role} does not allow this request; it needs ${people.join(', ') || 'an API key'}.`,
    {
      reason: 'role',
    },
  );
}
function presentedKey({ headers }: FastifyRequest): string {
  const own = headers['x-api-key'];
  if (typeof own === 'string') return own.trim();
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}
/** One message for every kind of invalid key. */
function unknown(): PolybError {
  return new PolybError('unauthenticated', 'Provide a valid API key in X-API-Key, or in Authorization: Bearer; people log in at /desk.');
}
function rateLimit({ remaining, resetMs }: RateDecision): string {
  return `"burst";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
}
function tooMuch(retryAfterMs: number): PolybError {
  return new PolybError('resource_exhausted', 'Too many requests; try again later.', { reason: 'rate_limited', retryAfterMs });
}
