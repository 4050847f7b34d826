import { hash } from 'node:crypto';
import { PolybError } from '../../contracts/kit/errors.ts';

/** The last row of a page: its time to the microsecond and a tie-breaker; `f` marks pages of a fuzzy search. */
export interface Place {
  readonly atUs: string;
  readonly id: string;
  readonly isFuzzy: boolean;
}
/** Eight letters that identify a list and its filters: a cursor is valid only in its own list. */
export function listOf(name: string, wanted: Readonly<Record<string, unknown>>): string {
  const asked = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return hash('sha256', JSON.stringify([name, ...asked.sort(([a], [b]) => (a < b ? -1 : 1))]), 'base64url').slice(0, 8);
}
export function cursorOf({ atUs, id, isFuzzy }: Place, list: string): string {
  return `${isFuzzy ? 'f' : 'p'}${atUs}.${id}.${list}`;
}
/** @throws PolybError invalid_argument for a cursor of another list. */
export function placeOf(cursor: string | undefined, list: string): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, kind, atUs, id, of] = /^([pf])(-?\d{1,17})\.([a-z0-9_]{1,40})\.([\w-]{8})$/.exec(cursor) ?? [];
  if (atUs === undefined || id === undefined)
    throw new PolybError('invalid_argument', 'Bad cursor: expected the nextCursor of an earlier page, unchanged.');
  if (of !== list)
    throw new PolybError('invalid_argument', 'Bad cursor: it belongs to a list with other filters; start this list without a cursor.');
  return { atUs, id, isFuzzy: kind === 'f' };
}
/** SQL for the time of a cursor; the parameter is in microseconds. */
export const timeAt = (parameter: string): string => `(timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond')`;
/** SQL for a time in microseconds. */
export const usOf = (column: string): string => `(extract(epoch from ${column}) * 1000000)::bigint::text`;
