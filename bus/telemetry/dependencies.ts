/** How those stand whom a service asks outside: what it saw last of each, told to whoever pings it. */
import { type Code, isPolybError } from '../../contracts/kit/errors.ts';

export interface DependencyStatus {
  /** Whom it is about and what is asked of them, `telegram:updates`. */
  readonly target: string;
  /** The code and reason of the last failure, `upstream_failed/bad_reply`; null when it works. */
  readonly failure: string | null;
  /** Unix ms since when it has worked, or has not. */
  readonly since: number;
  /** Unix ms of what was seen last: of two instances the one that looked last is right. */
  readonly at: number;
}
/** Somebody outside, or one thing that is asked of them. */
export interface Dependency {
  /** What `ask` gives; how it ended is noted. A refusal of what was asked is no failure of theirs, and a cancelled question says nothing of them. */
  watch<T>(ask: () => Promise<T>): Promise<T>;
}
export interface Health {
  /** Told of once it was asked. */
  of(target: string): Dependency;
  statuses(): readonly DependencyStatus[];
}

const theirs: readonly Code[] = ['resource_exhausted', 'upstream_failed', 'unavailable', 'deadline_exceeded', 'conflict'];
/** A refusal of us, whatever we ask. */
const refusesUs: readonly (string | undefined)[] = ['upstream_credentials', 'quota'];

export function createHealth(now: () => number): Health {
  const statuses = new Map<string, DependencyStatus>();

  function note(target: string, failure: string | null): void {
    const before = statuses.get(target);
    const at = now();
    const hasChanged = before === undefined || (before.failure === null) !== (failure === null);
    statuses.set(target, { target, failure, since: hasChanged ? at : before.since, at });
  }
  function judge(target: string, failure: unknown): void {
    // A fault of our own tells nothing of them.
    if (!isPolybError(failure) || failure.code === 'cancelled' || failure.code === 'internal') return;
    const { code, reason } = failure;
    const isTheirs = theirs.includes(code) || refusesUs.includes(reason);
    note(target, isTheirs ? (reason === undefined ? code : `${code}/${reason}`) : null);
  }
  return {
    of: (target) => ({
      async watch(ask) {
        try {
          const answer = await ask();
          note(target, null);
          return answer;
        } catch (thrown) {
          judge(target, thrown);
          throw thrown;
        }
      },
    }),
    statuses: () => [...statuses.values()],
  };
}
