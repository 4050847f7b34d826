/** Replies that do not end on their own: each ends with the key or session of its client, and with the server. */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Identity } from './keys.ts';

export interface OpenStreams {
  /** @throws PolybError unavailable at the limit. */
  requireRoom(): void;
  /** @param identity Null for a route without keys. Returns how to take the stream off the list. */
  add(identity: Identity | null, end: () => void): () => void;
  /** Ends the streams of a key or a session. */
  endOf(keyId: string): void;
  close(): void;
}
/** An event about a revoked key may be lost, and an expired key has none. */
const recheckMs = 3_000;

/** @param isLive Whether the key or session is still valid. */
export function openStreams(isLive: (identity: Identity) => Promise<boolean>, most: number): OpenStreams {
  const open = new Map<() => void, Identity | null>();
  let rechecking: ReturnType<typeof setTimeout> | undefined;
  function endOf(keyId: string): void {
    for (const [end, identity] of open) if (identity?.keyId === keyId) end();
  }
  async function recheck(): Promise<void> {
    const identities = new Map([...open.values()].flatMap((identity) => (identity === null ? [] : [[identity.keyId, identity] as const])));
    await Promise.all(
      [...identities.values()].map(async (identity) => {
        if (!(await isLive(identity))) endOf(identity.keyId);
      }),
    );
    rechecking = open.size === 0 ? undefined : setTimeout(() => void recheck(), recheckMs);
  }
  return {
    requireRoom() {
      if (open.size >= most)
        throw new PolybError('unavailable', 'This server is at its limit of open event streams.', { retryAfterMs: 5_000 });
    },
    add(identity, end) {
      open.set(end, identity);
      rechecking ??= setTimeout(() => void recheck(), recheckMs);
      return () => void open.delete(end);
    },
    endOf,
    close() {
      clearTimeout(rechecking);
      for (const end of open.keys()) end();
    },
  };
}
