/** Cursors of the gateway's own lists. */
import { PolybError } from '../../contracts/kit/errors.ts';

/** @throws PolybError invalid_argument for a cursor that does not hold a place of this form. */
export function placeAfter(cursor: string | undefined, form: RegExp): string | undefined {
  if (cursor === undefined) return undefined;
  const place = Buffer.from(cursor, 'base64url').toString();
  if (!form.test(place)) throw new PolybError('invalid_argument', 'Bad cursor; start without one.');
  return place;
}
export function cursorAfter(place: string | null): string | null {
  return place === null ? null : Buffer.from(place).toString('base64url');
}
/** A row by its number. */
export const seqForm = /^\d{1,18}$/;
