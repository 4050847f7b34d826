/** How a test's people decide on drafts while what they ask is killed; and a desk that asks nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BusHost } from '../../bus/bus.ts';
import { journal } from '../../contracts/journal.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { Ground } from './ground.ts';

export interface Draft {
  readonly id: string;
  readonly hash: string;
}
/** unsure: refused in the end, but an earlier try of the same may have been taken, and its answer lost. */
export type Decided = 'taken' | 'refused' | 'unsure';
export interface Desk {
  approve(id: string, hash: string): Promise<Decided>;
  edit(draft: Draft, text: string): Promise<Decided>;
  reject(id: string): Promise<Decided>;
  cancel(id: string): Promise<Decided>;
  retry(id: string): Promise<Decided>;
}

const patienceMs = 90_000;
/** What goes by: too much at once, or somebody is away. */
const passing: readonly string[] = ['resource_exhausted', 'unavailable', 'deadline_exceeded', 'upstream_failed'];
const neverArrived: readonly string[] = ['no_responders', 'not_connected'];

/** Does it again until there is an answer, whoever was killed meanwhile; `wasUnsure`: a try before the last may have been done. */
export async function insist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<{ readonly value: T; readonly wasUnsure: boolean }> {
  let wasUnsure = false;
  for (const until = performance.now() + patienceMs; ; await delay(100, undefined, { signal })) {
    try {
      return { value: await work(), wasUnsure };
    } catch (thrown) {
      if (!isPolybError(thrown) || !passing.includes(thrown.code) || performance.now() > until) throw thrown;
      wasUnsure ||= thrown.code !== 'resource_exhausted' && !neverArrived.includes(thrown.reason ?? '');
    }
  }
}

export function deskOf(bus: BusHost, signal: AbortSignal): Desk {
  const decided = async (work: () => Promise<unknown>): Promise<Decided> => {
    const { value, wasUnsure } = await insist(() => taken(work()), signal);
    return value ? 'taken' : wasUnsure ? 'unsure' : 'refused';
  };
  const once = { timeoutMs: 5_000, retry: false };
  return {
    approve: (id, hash) => decided(() => bus.call(journal.approve, { id, hash }, once)),
    reject: (id) => decided(() => bus.call(journal.reject, { id, why: 'not this one' }, once)),
    cancel: (id) => decided(() => bus.call(journal.cancel, { id }, once)),
    retry: (id) => decided(() => bus.call(journal.retry, { id }, once)),
    async edit({ id, hash }, text) {
      const { value: row } = await insist(() => bus.call(journal.get, { id, reveal: true }, once), signal);
      return decided(() => bus.call(journal.edit, { id, hash, input: { ...(row.input as object), text } }, once));
    },
  };
}

/** Approves whatever stands there, in whatever state it is. */
export function carelessDesk({ store }: Pick<Ground, 'store'>, desk: Desk): Desk {
  return {
    ...desk,
    async approve(id) {
      await store.query(
        `update journal.rows set state = 'queued', ended_at = null, not_before = now(), not_after = now() + interval '1 hour' where id = $1 and state <> 'attempting'`,
        [id],
      );
      return 'taken';
    },
  };
}

/** False for a refusal. */
async function taken(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (thrown) {
    if (isPolybError(thrown) && (thrown.code === 'conflict' || thrown.code === 'failed_precondition')) return false;
    throw thrown;
  }
}
