/** A copy of the do-not-call list: kept current by events, and read in full from its owner, since the list existed before this service. */
import type { Call, Commit, Log, Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { PayloadOf } from '../../contracts/kit/define.ts';

const pageSize = 200;

/** Applies a change; one older than the known change has no effect. */
export async function noteChange(
  tx: Queries,
  { phoneNumber, isForbidden, at }: Pick<PayloadOf<typeof calls.do_not_call_changed>, 'phoneNumber' | 'isForbidden' | 'at'>,
): Promise<void> {
  await tx.query(
    `insert into campaigns.do_not_call as known (phone_number, is_forbidden, changed_at) values ($1, $2, $3)
     on conflict (phone_number) do update set is_forbidden = excluded.is_forbidden, changed_at = excluded.changed_at
     where known.changed_at <= excluded.changed_at`,
    [phoneNumber, isForbidden, at],
  );
}

/** When the whole list was last read; null if never. */
export async function listReadAt(db: Queries): Promise<Date | null> {
  const [row] = await db.query<{ read_at: Date }>(`select read_at from campaigns.list_reads where of = 'do_not_call'`);
  return row?.read_at ?? null;
}

/**
 * Re-reads the list once the copy is older than a third of `maxAgeMs`. A failure is only logged, because the age is checked before each
 * call. A phone no longer on the list becomes allowed, unless an event has forbidden it in the meantime.
 */
export function freshList(
  {
    db,
    commit,
    call,
    log,
    now,
  }: { readonly db: Queries; readonly commit: Commit; readonly call: Call; readonly log: Log; readonly now: () => number },
  maxAgeMs: number,
): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const readAt = await listReadAt(db);
    if (readAt !== null && Math.abs(now() - readAt.getTime()) < maxAgeMs / 3) return;
    const since = new Date(now());
    try {
      const phones: string[] = [];
      let cursor: string | null | undefined;
      do {
        const page = await call(calls.list_forbidden, { limit: pageSize, ...(cursor ? { cursor } : {}) }, { signal });
        phones.push(...page.items.map(({ phoneNumber }) => phoneNumber));
        cursor = page.nextCursor;
      } while (cursor !== null);
      await commit((tx) => replaceList(tx, phones, since));
    } catch (err) {
      log.warn({ err }, 'the do-not-call list could not be read; campaigns make no calls without a current copy');
    }
  };
}
async function replaceList(tx: Queries, phones: readonly string[], since: Date): Promise<void> {
  await tx.query(
    `insert into campaigns.do_not_call as known (phone_number, is_forbidden, changed_at) select phone, true, $2 from unnest($1::text[]) phone
     on conflict (phone_number) do update set is_forbidden = true, changed_at = excluded.changed_at where known.changed_at <= excluded.changed_at`,
    [phones, since],
  );
  await tx.query('delete from campaigns.do_not_call where changed_at < $1 and phone_number <> all ($2::text[])', [since, phones]);
  await tx.query(
    `insert into campaigns.list_reads (of, read_at) values ('do_not_call', $1) on conflict (of) do update set read_at = excluded.read_at`,
    [since],
  );
}
