/** Who asks: API keys, `id.secret`, remembered for a few seconds so that a request need not ask PostgreSQL. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Scope } from '../../contracts/kit/define.ts';
import type { StoredKey } from './rows.ts';

export interface Identity {
  readonly keyId: string;
  readonly client: string;
  /** Null where the client does not tell its people apart. */
  readonly person: string | null;
  /** `client/keyId` or `client/keyId/person`: how audits name it. */
  readonly actor: string;
  /** Unix ms. */
  readonly expiresAtMs: number;
  allows(scope: Scope): boolean;
}
export interface Keys {
  /** The identity when it is remembered; asks nobody. */
  remembered(presented: string): Identity | undefined;
  /** Null for anything but a live key with its secret. */
  identify(presented: string): Promise<Identity | null>;
  forget(keyId: string): void;
  /** Whether the key still allows what it did, as PostgreSQL has it now; while that is away, whether it has expired. */
  isLive(identity: Identity): Promise<boolean>;
  /** When each key was last used since the last time that this was asked, by key id; Unix ms. */
  takeUses(): ReadonlyMap<string, number>;
}

const rememberMs = 5_000;
const mostRemembered = 10_000;
/** Compared where there is nothing to compare, so that a wrong id takes as long as a wrong secret. */
const nobody: StoredKey = { client: '', person: null, scopes: [], secretHash: Buffer.alloc(32), expiresAtMs: 0, isRevoked: true };

export function createKeys({
  find,
  now,
}: {
  readonly find: (keyId: string) => Promise<StoredKey | null>;
  readonly now: () => number;
}): Keys {
  // The key itself and not its digest: this is compared for every request, and is forgotten within seconds.
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
        return true; // a key that cannot be looked up cannot be revoked now either
      }
    },
    takeUses() {
      const taken = uses;
      uses = new Map();
      return taken;
    },
  };
}

/** '' when it is not of the form `id.secret`. */
function idOf(presented: string): string {
  return /^(pk_[a-z0-9]{8,32})\.[\w-]{20,100}$/.exec(presented)?.[1] ?? '';
}
/** In a time that does not tell where they differ; the length of a key is no secret. */
function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
function digestOf(presented: string): Buffer {
  return hash('sha256', presented.slice(presented.indexOf('.') + 1), 'buffer');
}
