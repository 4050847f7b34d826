/** Errors of the host and of child processes as one typed sentence that says what to do. */
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';

/** The failure that a program ends with; what nothing here knows is a defect of the command line itself. */
export function failureOf(thrown: unknown, signal: AbortSignal): PolybError {
  if (isPolybError(thrown)) return thrown;
  if (signal.aborted && isPolybError(signal.reason)) return signal.reason;
  return (
    hostFailure(thrown) ?? new PolybError('internal', `Defect of the command line: ${messageOf(thrown).split('\n')[0]}`, { cause: thrown })
  );
}

/** What Node tells of a failed system call, and of a child process. */
type HostError = { readonly code?: unknown; readonly path?: string; readonly stderr?: unknown };

/** A full disk, or a file that may not be used; undefined for anything else. */
export function hostFailure(thrown: unknown): PolybError | undefined {
  const { code, path, stderr } = Object(thrown) as HostError;
  const said = `${messageOf(thrown)}\n${String(stderr ?? '')}`;
  const at = path ?? /'([^'\n]+)'/.exec(said)?.[1];
  if (code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded|ENOSPC/.test(said))
    return new PolybError(
      'unavailable',
      `The disk is full${at === undefined ? '' : `: ${at} could not be written`}; free some space and try again.`,
      {
        reason: 'disk_full',
        cause: thrown,
      },
    );
  const [denied] = /E(?:ACCES|PERM|ROFS)\b/.exec(`${code} ${said}`) ?? [];
  if (denied === undefined || at === undefined) return undefined;
  const why = denied === 'EROFS' ? 'it is on a read-only file system' : 'the user that runs polyb may not';
  return new PolybError('failed_precondition', `${at} cannot be used (${denied}): ${why}.`, { reason: 'not_writable', cause: thrown });
}

export function messageOf(thrown: unknown): string {
  return Error.isError(thrown) ? (thrown as Error).message : String(thrown);
}
