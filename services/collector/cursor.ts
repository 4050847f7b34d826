import { PolybError } from '../../contracts/errors.ts';

/** The last row of a page: its time to the microsecond and what tells rows of one time apart; `f` marks pages of a search by likeness. */
export interface Place {
  readonly atUs: string;
  readonly id: string;
  readonly isFuzzy: boolean;
}
export function cursorOf({ atUs, id, isFuzzy }: Place): string {
  return `${isFuzzy ? 'f' : 'p'}${atUs}.${id}`;
}
/** @throws PolybError invalid_argument for what is no cursor of ours. */
export function placeOf(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, kind, atUs, id] = /^([pf])(-?\d{1,17})\.([a-z0-9_]{1,40})$/.exec(cursor) ?? [];
  if (atUs === undefined || id === undefined)
    throw new PolybError('invalid_argument', 'Bad cursor: expected the nextCursor of an earlier page, as it was given.');
  return { atUs, id, isFuzzy: kind === 'f' };
}
/** SQL for a place's time; the parameter is its microseconds. */
export const timeAt = (parameter: string): string => `(timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond')`;
/** SQL for the microseconds of a time. */
export const usOf = (column: string): string => `(extract(epoch from ${column}) * 1000000)::bigint::text`;
