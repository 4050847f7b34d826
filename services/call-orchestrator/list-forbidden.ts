import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

/** The time of an entry and a digest of its phone: cursors occur in URLs, which are logged. */
const cursorForm = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)~([0-9a-f]{32})$/;

export function listForbidden(db: Queries): Handler<typeof calls.list_forbidden> {
  return async ({ phoneNumber = null, limit, cursor }) => {
    const [, since = null, digest = null] = cursor === undefined ? [] : (cursorForm.exec(cursor) ?? []);
    if (cursor !== undefined && since === null) throw new PolybError('invalid_argument', 'Bad cursor; start without one.');
    const rows = await db.query<{ phone_number: string; reason: string; since: Date; digest: string }>(
      `select phone_number, reason, since, md5(phone_number) as digest from call_orchestrator.do_not_call
       where ($1::text is null or phone_number = $1) and ($2::timestamptz is null or (since, md5(phone_number)) < ($2, $3))
       order by since desc, digest desc limit $4`,
      [phoneNumber, since, digest, limit + 1],
    );
    const items = rows
      .slice(0, limit)
      .map((row) => ({ phoneNumber: row.phone_number, reason: row.reason, since: row.since.toISOString() }));
    const last = rows[limit - 1];
    return { items, nextCursor: rows.length > limit && last !== undefined ? `${last.since.toISOString()}~${last.digest}` : null };
  };
}
