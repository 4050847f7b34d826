/** Health of external dependencies: the last result of each, part of the reply to a ping. */
import { type Code, isPolybError } from '../../contracts/kit/errors.ts';

export interface DependencyStatus {
  /** The dependency and its use, `telegram:updates`. */
  readonly target: string;
  /** The code and reason of the last failure, `upstream_failed/bad_reply`; null when it works. */
  readonly failure: string | null;
  /** Unix ms of the last change between working and failing. */
  readonly since: number;
  /** Unix ms of the last result; of two instances the later result counts. */
  readonly at: number;
}
/** An external dependency, or one use of it. */
export interface Dependency {
  /** Runs `request` and notes its outcome. A refused request proves that the dependency works; a cancelled one proves nothing. */
  watch<T>(request: () => Promise<T>): Promise<T>;
}
export interface Health {
  /** Reported after its first request. */
  of(target: string): Dependency;
  statuses(): readonly DependencyStatus[];
}

const failures: readonly Code[] = ['resource_exhausted', 'upstream_failed', 'unavailable', 'deadline_exceeded', 'conflict'];
/** Reasons to refuse every request of this service. */
const refusals: readonly (string | undefined)[] = ['upstream_credentials', 'reauthorise', 'quota'];
/** Conflicts between records, which the dependency has found because it works. */
const answers: readonly (string | undefined)[] = ['slot_busy', 'duplicate', 'version_conflict'];

export function createHealth(now: () => number): Health {
  const statuses = new Map<string, DependencyStatus>();

  function note(target: string, failure: string | null): void {
    const before = statuses.get(target);
    const at = now();
    const hasChanged = before === undefined || (before.failure === null) !== (failure === null);
    statuses.set(target, { target, failure, since: hasChanged ? at : before.since, at });
  }
  function judge(target: string, failure: unknown): void {
    // A fault of this service proves nothing about the dependency.
    if (!isPolybError(failure) || failure.code === 'cancelled' || failure.code === 'internal') return;
    const { code, reason } = failure;
    const isFailure = (failures.includes(code) && !answers.includes(reason)) || refusals.includes(reason);
    note(target, isFailure ? (reason === undefined ? code : `${code}/${reason}`) : null);
  }
  return {
    of: (target) => ({
      async watch(request) {
        try {
          const answer = await request();
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
