/** API keys, `id.secret`, cached for a few seconds so that most requests need no PostgreSQL. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { PersonRole, Scope } from '../../contracts/kit/define.ts';
import type { StoredKey } from './rows.ts';

/** Who asks: an API key, or a person by their session. */
export interface Identity {
  /** The id of the key or of the session. */
  readonly keyId: string;
  readonly client: string;
  /** Null if the client does not distinguish its people. */
  readonly person: string | null;
  /** `client/keyId` or `client/keyId/person`: the name in audits. */
  readonly actor: string;
  /** Unix ms. */
  readonly expiresAtMs: number;
  /** @param people roles of people who may do it. */
  allows(scope: Scope, people: readonly PersonRole[]): boolean;
  /** Idempotency keys of one namespace name one request. */
  readonly namespace: string;
  /** The person who looks; absent for an API key, which sees everything that its scopes allow. */
  readonly viewer?: { readonly personId: string; readonly role: PersonRole };
  readonly session?: {
    /** Of its token, in hex. */
    readonly tokenHash: string;
    /** The person may only set up their second factor. */
    readonly mustEnrol: boolean;
    /** The identity provider vouched for the person. */
    readonly isProvided: boolean;
  };
}
export interface Keys {
  /** The cached identity; no look-up. */
  remembered(presented: string): Identity | undefined;
  /** Null unless it is an active key with its secret. */
  identify(presented: string): Promise<Identity | null>;
  forget(keyId: string): void;
  /** Whether the key is still active, according to PostgreSQL; while that is unavailable, whether it has expired. */
  isLive(identity: Identity): Promise<boolean>;
  /** Last use of each key since the previous call, by key id; Unix ms. */
  takeUses(): ReadonlyMap<string, number>;
}

const rememberMs = 5_000;
const mostRemembered = 10_000;
/** Compared when there is no digest, so that a wrong id takes as long as a wrong secret. */
const nobody: StoredKey = { client: '', person: null, scopes: [], secretHash: Buffer.alloc(32), expiresAtMs: 0, isRevoked: true };

export function createKeys({
  find,
  now,
}: {
  readonly find: (keyId: string) => Promise<StoredKey | null>;
  readonly now: () => number;
}): Keys {
  // The key itself and not its digest: it is compared for every request, and forgotten within seconds.
  const known = new Map<string, { readonly key: Buffer; readonly identity: Identity; readonly until: number }>();
  let uses = new Map<string, number>();

  function remembered(presented: string): Identity | undefined {
    const keyId = idOf(presented);
    const entry = known.get(keyId);
    if (entry === undefined) return undefined;
    if (entry.until <= now()) {
      known.delete(keyId);
      return undefined;
    }
    if (!isSame(entry.key, Buffer.from(presented))) return undefined;
    uses.set(keyId, now());
    return entry.identity;
  }

  return {
    remembered,
    async identify(presented) {
      const before = remembered(presented);
      if (before !== undefined) return before;
      const keyId = idOf(presented);
      const stored = (keyId === '' ? null : await find(keyId)) ?? nobody;
      const isRight = timingSafeEqual(stored.secretHash, digestOf(presented));
      const at = now();
      if (!isRight || stored.isRevoked || stored.expiresAtMs <= at) return null;
      const scopes = new Set(stored.scopes);
      const identity: Identity = {
        keyId,
        client: stored.client,
        person: stored.person,
        actor: [stored.client, keyId, ...(stored.person === null ? [] : [stored.person])].join('/'),
        expiresAtMs: stored.expiresAtMs,
        allows: (scope) => scopes.has(scope) || scopes.has('admin'),
        namespace: stored.client,
      };
      if (known.size >= mostRemembered) known.clear();
      known.set(keyId, { key: Buffer.from(presented), identity, until: Math.min(at + rememberMs, stored.expiresAtMs) });
      uses.set(keyId, at);
      return identity;
    },
    forget: (keyId) => void known.delete(keyId),
    async isLive({ keyId, expiresAtMs }) {
      if (expiresAtMs <= now()) return false;
      try {
        const stored = await find(keyId);
        return stored !== null && !stored.isRevoked;
      } catch {
        return true; // A key that cannot be looked up now cannot be revoked now either.
      }
    },
    takeUses() {
      const taken = uses;
      uses = new Map();
      return taken;
    },
  };
}

/** '' if it does not have the form `id.secret`. */
function idOf(presented: string): string {
  return /^(pk_[a-z0-9]{8,32})\.[\w-]{20,100}$/.exec(presented)?.[1] ?? '';
}
/** Constant-time comparison; the length of a key is not secret. */
function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
function digestOf(presented: string): Buffer {
  return hash('sha256', presented.slice(presented.indexOf('.') + 1), 'buffer');
}
