/** Sessions of people, cached for a few seconds so that most requests need no PostgreSQL. */
import { createHash, randomBytes } from 'node:crypto';
import type { Identity } from '../keys.ts';
import type { StoredSession } from './rows.ts';

export interface Sessions {
  /** Null unless the session is open and its person may log in. */
  identify(token: string): Promise<Identity | null>;
  /** Whether it is still open, according to PostgreSQL; while that is unavailable, whether it has expired. */
  isLive(identity: Identity): Promise<boolean>;
  forget(sessionId: string): void;
  /** Last use of each session since the previous call, by session id; Unix ms. */
  takeUses(): ReadonlyMap<string, number>;
}

const rememberMs = 3_000;
const mostRemembered = 10_000;
/** The client of all people in names of actors: `staff/<session>/<person>`. */
export const staff = 'staff';

/** 256 random bits. Only the digest is stored. */
export const newToken = (): string => randomBytes(32).toString('base64url');
export const tokenDigest = (token: string): Buffer => createHash('sha256').update(token).digest();
export const newSessionId = (): string => `s_${randomBytes(8).toString('hex')}`;

export function createSessions({
  find,
  now,
  needsSecondFactor,
}: {
  /** By the digest of its token; null if it is not open. */
  readonly find: (tokenHash: string) => Promise<StoredSession | null>;
  readonly now: () => number;
  /** People without a second factor may only set one up, unless the identity provider vouches for them. */
  readonly needsSecondFactor: boolean;
}): Sessions {
  const known = new Map<string, { readonly identity: Identity; readonly until: number }>();
  let uses = new Map<string, number>();

  function identityOf({ sessionId, personId, role, expiresAtMs, hasSecondFactor, isProvided }: StoredSession, tokenHash: string): Identity {
    const mustEnrol = needsSecondFactor && !hasSecondFactor && !isProvided;
    return {
      keyId: sessionId,
      client: staff,
      person: personId,
      actor: [staff, sessionId, personId].join('/'),
      expiresAtMs,
      allows: (_, roles) => !mustEnrol && roles.includes(role),
      namespace: `${staff}/${personId}`,
      session: { tokenHash, mustEnrol, isProvided },
      viewer: { personId, role },
    };
  }
  return {
    async identify(token) {
      if (!/^[\w-]{43}$/.test(token)) return null;
      const tokenHash = tokenDigest(token).toString('hex');
      const at = now();
      const remembered = known.get(tokenHash);
      const identity = remembered !== undefined && remembered.until > at ? remembered.identity : await read(tokenHash, at);
      if (identity !== null) uses.set(identity.keyId, at);
      return identity;
    },
    async isLive({ session, expiresAtMs }) {
      if (session === undefined || expiresAtMs <= now()) return false;
      try {
        return (await find(session.tokenHash)) !== null;
      } catch {
        return true; // A session that cannot be looked up now cannot be ended now either.
      }
    },
    forget(sessionId) {
      for (const [tokenHash, { identity }] of known) if (identity.keyId === sessionId) known.delete(tokenHash);
    },
    takeUses() {
      const taken = uses;
      uses = new Map();
      return taken;
    },
  };

  async function read(tokenHash: string, at: number): Promise<Identity | null> {
    known.delete(tokenHash);
    const stored = await find(tokenHash);
    if (stored === null) return null;
    const identity = identityOf(stored, tokenHash);
    if (known.size >= mostRemembered) known.clear();
    known.set(tokenHash, { identity, until: at + rememberMs });
    return identity;
  }
}
