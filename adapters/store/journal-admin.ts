/** The journal for people: list, approve, edit, retry, resolve. Every change is one statement that names the expected state. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Database, Queries } from '../deps.ts';
import {
  type DeadGroup,
  deadGroupsStatement,
  type Filter,
  type Group,
  isSeenBy,
  type Listing,
  listStatement,
  methodsIn,
  summaryStatement,
} from './journal/lists.ts';
import { replayStore } from './journal/replays.ts';
import { pauseSettleMs } from './journal/rows.ts';

export interface AdminRow {
  readonly id: string;
  /** Position in the order of lists: microseconds of its creation, and its number. */
  readonly place: string;
  readonly method: string;
  readonly key: string;
  readonly mode: string;
  readonly state: string;
  readonly hash: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly error: { readonly code?: string; readonly reason?: string; readonly detail?: string } | null;
  readonly lane: string | null;
  readonly approval: string;
  readonly on_unknown: string | null;
  readonly parent: string | null;
  readonly step: string | null;
  readonly edition: number;
  readonly attempts: number;
  readonly not_before: Date;
  readonly not_after: Date | null;
  readonly settle_at: Date | null;
  readonly caller: string | null;
  readonly traceparent: string | null;
  readonly log: readonly object[];
  readonly audit: readonly object[];
  readonly viewer: string | null;
  readonly viewer_until: Date | null;
  readonly approvers: number;
  readonly waits_for: string | null;
  readonly behind: number;
  readonly approved_by: readonly string[];
  /** The customer's act, for a row that needs it. */
  readonly confirmed: { readonly who: string; readonly evidence: string } | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly updated_at: Date;
}
/** The actor of a change, the change, and its reason. */
export interface AuditAction {
  readonly who: string;
  readonly did: string;
  readonly why?: string | undefined;
  /** The manager who acts, and may act only on rows that they see. */
  readonly manager?: string | undefined;
}
/** A user in a channel, or an API key. */
export interface Link {
  /** The name of the channel, or `key`. */
  readonly kind: string;
  readonly value: string;
}
export interface Pause {
  /** An address, a prefix with `*`, or `*`. */
  readonly method: string;
  readonly since: Date;
  readonly who: string;
  readonly why: string | null;
}
export interface MethodSchemas {
  readonly method: string;
  readonly input: object;
  readonly output: object;
}
export type JournalAdmin = ReturnType<typeof journalAdmin>;

/** A row, with the row of unknown outcome that blocks its lane, and the number of rows that it blocks itself. */
const whole = `rows.*, (extract(epoch from created_at) * 1000000)::bigint || '.' || seq as place,
  case when state in ('proposed', 'queued') and lane is not null
    then (select doubt.id from journal.rows doubt where doubt.lane = rows.lane and doubt.state in ('unknown', 'review') order by doubt.seq limit 1) end as waits_for,
  case when state in ('unknown', 'review') and lane is not null
    then (select count(*)::int from (select from journal.rows other where other.lane = rows.lane and other.state = 'queued' limit 1000) others) else 0 end as behind`;
/** A row that needs approval is proposed again: its approval is missing, was taken back, or is old. */
const again = `state = case when approval = 'none' then 'queued' else 'proposed' end, not_before = now(), ended_at = null, error = null, attempts = case when mode = 'run' then 1 else 0 end, takeovers = 0, approved_by = '{}', confirmed = null, updated_at = now(),
  not_after = case when not_after is null then null else now() + (not_after - created_at) end`;

/** The row can be stopped without an effect: it has not begun, or is a function whose holder is gone. */
const isStoppable = `(state in ('proposed', 'queued', 'waiting')
  or (state = 'attempting' and on_unknown = 'function' and (takeovers > 0 or lease_until < clock_timestamp())))`;
/** No other person holds the row. */
const notHeldByOthers = (who: number): string => `(viewer is null or viewer = $${who} or viewer_until <= now())`;
/** The parameter is null, or a manager who sees the row. */
const isSeen = (manager: number): string => `($${manager}::text is null or ${isSeenBy(`$${manager}`)})`;
/** Chats whose rows are changed in one turn. */
const mostChats = 100;
const release = 'viewer = null, viewer_until = null';

/** Parts are locked before their run everywhere, because the end of a part wakes its run. */
const lockParts = (tx: Queries, run: string): Promise<unknown> =>
  tx.query('select from journal.rows where parent = $1 order by id for update', [run]);

export function journalAdmin(db: Database) {
  /** Appends to the audit in the same statement as the change. */
  const audited = (n: number): string =>
    `(case when jsonb_array_length(audit) >= 200 then audit - 0 else audit end) || jsonb_build_array($${n}::jsonb || jsonb_build_object('at', now()))`;
  const writeAudit = (n: number): string => `audit = ${audited(n)}`;
  const asJson = ({ who, did, why }: AuditAction): string => JSON.stringify({ who, did, why: why ?? null });
  const one = async (on: Queries, text: string, values: readonly unknown[]): Promise<boolean> =>
    (await on.query(text, values)).length === 1;

  async function retryIn(tx: Queries, id: string, done: AuditAction): Promise<boolean> {
    await lockParts(tx, id);
    const [row] = await tx.query<{ mode: string }>(
      `update journal.rows set ${again}, mode = case when mode = 'call' then 'send' else mode end, ${writeAudit(2)}
   where id = $1 and state in ('failed', 'expired', 'cancelled') and (mode in ('send', 'run', 'event') or (mode = 'call' and state = 'cancelled')) returning mode`,
      [id, asJson(done)],
    );
    if (row?.mode === 'run') {
      await tx.query(
        `update journal.rows set editions = coalesce(editions, '{}') || (
       select coalesce(jsonb_object_agg(step, edition + 1), '{}')
       from (select distinct on (step) step, edition, state from journal.rows where parent = $1 order by step, edition desc) as latest
       where state in ('cancelled', 'rejected', 'expired', 'stale'))
     where id = $1`,
        [id],
      );
      await tx.query(
        `update journal.rows set state = 'queued', takeovers = 0, error = null, ended_at = null, not_before = now(), updated_at = now()
     where parent = $1 and state = 'failed' and error->>'reason' = 'holder_gone'`,
        [id],
      );
    }
    return row !== undefined;
  }
  /** Names the person in charge of a chat in the rows about it. */
  async function copyOwner(tx: Queries, chatId: string): Promise<void> {
    await tx.query(
      `update journal.rows set owner = chat_owners.person_id from journal.chat_owners
       where chat_owners.chat_id = $1 and rows.id = any (array(
         select r.id from journal.rows r join journal.chat_owners o on o.chat_id = $1
         where r.input->>'chatId' = $1 and r.owner is distinct from o.person_id order by r.mode = 'run', r.id for no key update of r))`,
      [chatId],
    );
  }

  return {
    replays: replayStore(db, retryIn),
    /** Newest first. */
    async list(listing: Listing): Promise<readonly AdminRow[]> {
      const { text, values } = listStatement(listing, whole);
      return db.query<AdminRow>(text, values);
    },
    async summary(of: Pick<Filter, 'view' | 'manager'>): Promise<readonly Group[]> {
      const { text, values } = summaryStatement(of);
      return db.query<Group>(text, values);
    },
    /** The largest groups first. */
    async deadGroups(limit: number): Promise<readonly DeadGroup[]> {
      return db.query<DeadGroup>(deadGroupsStatement, [limit]);
    },
    /** By id, a prefix of it, a key, or a trace id; at most two, so that the caller sees an ambiguous prefix.
     *  @param manager Only rows that this manager may see. */
    async find(id: string, manager?: string): Promise<readonly AdminRow[]> {
      const seen = manager === undefined ? '' : ` and ${isSeenBy('$2')}`;
      const values = manager === undefined ? [id] : [id, manager];
      const look = (where: string, order: string, before = ''): Promise<readonly AdminRow[]> =>
        db.query<AdminRow>(`${before} select ${whole} from journal.rows where ${where}${seen} ${order}`, values);
      const exact = await look('id = $1', '');
      if (exact.length > 0) return exact;
      const byPrefix = await look(`id > $1 and id < $1 || '~'`, 'order by id limit 2');
      if (byPrefix.length > 0) return byPrefix;
      const first = `order by mode = 'run' desc, seq limit 1`;
      const byKey = await look(
        `id in (select found.id from methods cross join lateral (select id from journal.rows where method = methods.method and key = $1) found)`,
        first,
        methodsIn,
      );
      return byKey.length > 0 ? byKey : look('substr(traceparent, 4, 32) = $1', first);
    },
    /** Links a user in a channel or an API key to a person, or removes the link. */
    async link(tx: Queries, { kind, value }: Link, personId: string | null): Promise<void> {
      if (personId === null) await tx.query('delete from journal.person_links where kind = $1 and value = $2', [kind, value]);
      else
        await tx.query(
          `insert into journal.person_links (kind, value, person_id) values ($1, $2, $3)
           on conflict (kind, value) do update set person_id = excluded.person_id`,
          [kind, value, personId],
        );
    },
    async links(of: readonly Link[]): Promise<readonly (Link & { readonly personId: string })[]> {
      return db.query(
        `select kind, value, person_id as "personId" from journal.person_links
         where (kind, value) in (select * from unnest($1::text[], $2::text[]))`,
        [of.map(({ kind }) => kind), of.map(({ value }) => value)],
      );
    },
    /** Puts a person in charge of a chat and the rows about it, or nobody. A change that is older than the one known has no effect. */
    async assign(tx: Queries, chatId: string, personId: string | null, at: string): Promise<void> {
      await tx.query(
        `insert into journal.chat_owners as known (chat_id, person_id, assigned_at) values ($1, $2, $3)
         on conflict (chat_id) do update set person_id = excluded.person_id, assigned_at = excluded.assigned_at, changed_at = now(), is_copied = false
         where known.assigned_at <= excluded.assigned_at`,
        [chatId, personId, at],
      );
      await copyOwner(tx, chatId);
    },
    /** Again, a minute after the change, for rows whose transaction was open then; true if more chats are left. */
    async copyOwners(): Promise<boolean> {
      const isOver = `not is_copied and changed_at < now() - interval '1 minute'`;
      const chats = await db.query<{ chat_id: string }>(
        `select chat_id from journal.chat_owners where ${isOver} order by changed_at limit ${mostChats}`,
      );
      for (const { chat_id: chatId } of chats)
        await db.transaction(async (tx) => {
          await copyOwner(tx, chatId);
          await tx.query(`update journal.chat_owners set is_copied = true where chat_id = $1 and ${isOver}`, [chatId]);
        });
      return chats.length === mostChats;
    },
    /** By its whole id. @param on the transaction of the caller, if it has one: a second connection might never come free */
    async row(id: string, on: Queries = db): Promise<AdminRow | null> {
      const [row] = await on.query<AdminRow>(`select ${whole} from journal.rows where id = $1`, [id]);
      return row ?? null;
    },
    async steps(run: string): Promise<readonly AdminRow[]> {
      return db.query<AdminRow>(`select ${whole} from journal.rows where parent = $1 order by seq limit 200`, [run]);
    },
    async schemas(methods: readonly string[]): Promise<readonly MethodSchemas[]> {
      return db.query<MethodSchemas>('select method, input, output from journal.methods where method = any ($1)', [methods]);
    },
    async note(id: string, done: AuditAction): Promise<void> {
      await db.query(`update journal.rows set ${writeAudit(2)} where id = $1`, [id, asJson(done)]);
    },
    /** Holds a proposed row for one person, so that no other decides on it meanwhile; a repeat renews the hold. */
    async hold(id: string, forMs: number, done: AuditAction): Promise<boolean> {
      return one(
        db,
        `update journal.rows set viewer = $2, viewer_until = now() + make_interval(secs => $3 / 1000.0), updated_at = now(),
           audit = case when viewer = $2 and viewer_until > now() then audit else ${audited(4)} end
         where id = $1 and state = 'proposed' and ${notHeldByOthers(2)} and ${isSeen(5)} returning id`,
        [id, done.who, forMs, asJson(done), done.manager ?? null],
      );
    },
    async release(id: string, { who, manager }: Pick<AuditAction, 'who' | 'manager'>): Promise<boolean> {
      return one(
        db,
        `update journal.rows set ${release}, updated_at = now() where id = $1 and state = 'proposed' and ${notHeldByOthers(2)} and ${isSeen(3)} returning id`,
        [id, who, manager ?? null],
      );
    },
    /** Adds an approval; the last of the required approvals, each of another person, queues the row.
     *  @param hash of the input that the person saw; null: of the current one. @param before The earlier approvals, all of other people. */
    async approve(id: string, hash: string | null, done: AuditAction, before: readonly string[] = []): Promise<boolean> {
      return one(
        db,
        `update journal.rows set approved_by = approved_by || $4::text, ${release}, updated_at = now(), ${writeAudit(3)},
           state = case when cardinality(approved_by) + 1 < approvers or (approval = 'both' and confirmed is null) then 'proposed' else 'queued' end,
           not_before = greatest(not_before, now() + make_interval(secs => undo_ms / 1000.0))
         where id = $1 and state = 'proposed' and approval <> 'customer' and hash = coalesce($2, hash) and (not_after is null or not_after > now())
           and cardinality(approved_by) < approvers
           and approved_by = $5::text[] and ${notHeldByOthers(4)} and ${isSeen(6)} returning id`,
        [id, hash, asJson(done), done.who, before, done.manager ?? null],
      );
    },
    /** Records the act by which the customer confirms this version; a row that needs staff as well still waits for them. */
    async confirm(id: string, hash: string, evidence: string, done: AuditAction): Promise<boolean> {
      return one(
        db,
        `update journal.rows set confirmed = jsonb_build_object('who', $4::text, 'evidence', $5::text, 'at', now()), updated_at = now(), ${writeAudit(3)},
           state = case when approval = 'both' and cardinality(approved_by) < approvers then 'proposed' else 'queued' end
         where id = $1 and state = 'proposed' and approval in ('customer', 'both') and hash = $2 and confirmed is null
           and (not_after is null or not_after > now()) returning id`,
        [id, hash, asJson(done), done.who, evidence],
      );
    },
    async reject(id: string, done: AuditAction): Promise<boolean> {
      return one(
        db,
        `update journal.rows set state = 'rejected', ended_at = now(), updated_at = now(), ${release}, ${writeAudit(2)},
           error = jsonb_build_object('code', 'failed_precondition', 'reason', 'rejected', 'detail', 'A person refused it.', 'outcome', 'not_executed')
         where id = $1 and state = 'proposed' and ${notHeldByOthers(3)} and ${isSeen(4)} returning id`,
        [id, asJson(done), done.who, done.manager ?? null],
      );
    },
    /** Takes an approval back, for a row that has not begun and will not begin. */
    async recall(id: string, done: AuditAction): Promise<boolean> {
      return one(
        db,
        `update journal.rows set state = 'cancelled', ended_at = now(), updated_at = now(), ${writeAudit(2)},
        error = jsonb_build_object('code', 'failed_precondition', 'reason', 'recalled', 'detail', 'Its approval was taken back.', 'outcome', 'not_executed')
        where id = $1 and state = 'queued' and mode = 'send' and approval <> 'none' and ${isSeen(3)} returning id`,
        [id, asJson(done), done.manager ?? null],
      );
    },
    /** Approvals of the former input do not count for the new one. */
    async edit(id: string, hash: string, input: unknown, newHash: string, done: AuditAction): Promise<boolean> {
      return one(
        db,
        `update journal.rows set input = $3, hash = $4, approved_by = '{}', confirmed = null, updated_at = now(), ${writeAudit(5)}
         where id = $1 and hash = $2 and state = 'proposed' and ${notHeldByOthers(6)} and ${isSeen(7)} returning id`,
        [id, hash, JSON.stringify(input), newHash, asJson(done), done.who, done.manager ?? null],
      );
    },
    /** Queues a dead letter or a cancelled row again with new counters; from then on the journal retries it.
     *  Parts of a run that a person ended, or that timed out, are created again; failed ones keep their key and are attempted again. */
    async retry(id: string, done: AuditAction): Promise<boolean> {
      return db.transaction((tx) => retryIn(tx, id, done));
    },
    /** Continues a run from a step with another input: that step and later ones get a new edition.
     *  Returns why not, or null. */
    async retryFrom(
      run: string,
      step: string,
      input: unknown,
      done: AuditAction,
    ): Promise<'wrong_state' | 'no_such_step' | 'outcome_unknown' | null> {
      return db.transaction(async (tx) => {
        await lockParts(tx, run);
        const [row] = await tx.query<{ state: string; editions: Record<string, number> | null; edits: Record<string, unknown> | null }>(
          `select state, editions, edits from journal.rows where id = $1 and mode = 'run' for update`,
          [run],
        );
        if (row === undefined || !['failed', 'expired', 'cancelled', 'done', 'waiting'].includes(row.state)) return 'wrong_state';
        const steps = await tx.query<{ step: string; edition: number; state: string }>(
          'select step, edition, state from journal.rows where parent = $1 order by seq',
          [run],
        );
        const at = steps.findIndex((each) => each.step === step);
        if (at < 0) return 'no_such_step';
        const redone = steps.slice(at);
        if (redone.some(({ state }) => state === 'unknown' || state === 'review' || state === 'attempting')) return 'outcome_unknown';
        const editions = { ...row.editions };
        for (const { step: name, edition } of redone) editions[name] = Math.max(editions[name] ?? 1, edition + 1);
        await tx.query(
          `update journal.rows set state = 'cancelled', ended_at = now(), updated_at = now() where parent = $1 and step = any ($2) and state in ('queued', 'waiting', 'proposed')`,
          [run, redone.map((each) => each.step)],
        );
        await tx.query(`update journal.rows set ${again}, output = null, editions = $2, edits = $3, ${writeAudit(4)} where id = $1`, [
          run,
          JSON.stringify(editions),
          JSON.stringify({ ...row.edits, [step]: input }),
          asJson(done),
        ]);
        return null;
      });
    },
    /** Cancels a row that has not begun, a run with its parts, or a function that lost a holder. A started effect must be resolved instead. */
    async cancel(id: string, done: AuditAction): Promise<boolean> {
      return db.transaction(async (tx) => {
        await lockParts(tx, id);
        const cancelled = await one(
          tx,
          `update journal.rows set state = 'cancelled', ended_at = now(), updated_at = now(), token = null, lease_until = null, ${writeAudit(2)}
          where id = $1 and (${isStoppable} or (mode = 'run' and state = 'attempting')) returning id`,
          [id, asJson(done)],
        );
        if (cancelled)
          await tx.query(
            `update journal.rows set state = 'cancelled', ended_at = now(), updated_at = now(), token = null, lease_until = null where parent = $1 and ${isStoppable}`,
            [id],
          );
        return cancelled;
      });
    },
    /** @param attempts the number that the person saw; null: the current one. */
    async resolve(
      id: string,
      answer: 'happened' | 'try_again' | 'give_up',
      output: unknown,
      done: AuditAction,
      attempts: number | null = null,
    ): Promise<boolean> {
      const change = {
        happened: `state = 'done', ended_at = now(), error = null, output = $3::jsonb`,
        try_again: `state = case when mode = 'send' then 'queued' else 'failed' end, takeovers = 0, not_before = now(), ref = id || '.' || attempts, output = $3::jsonb,
          not_after = case when mode = 'send' then now() + (not_after - created_at) else not_after end,
          error = jsonb_build_object('code', 'unavailable', 'reason', 'not_done', 'detail', 'A person found that it did not happen.', 'outcome', 'not_executed')`,
        give_up: `state = 'cancelled', ended_at = now(), output = $3::jsonb, error = jsonb_build_object('code', 'failed_precondition', 'reason', 'given_up', 'detail', 'A person gave it up.', 'outcome', 'not_executed')`,
      }[answer];
      return one(
        db,
        `update journal.rows set ${change}, updated_at = now(), ${writeAudit(2)}
         where id = $1 and state in ('review', 'unknown') and attempts = coalesce($4, attempts) and ${isSeen(5)} returning id`,
        [id, asJson(done), output === undefined ? null : JSON.stringify(output), attempts, done.manager ?? null],
      );
    },
    async drop(id: string, done: AuditAction): Promise<boolean> {
      return one(
        db,
        `update journal.rows set state = 'cancelled', updated_at = now(), ${writeAudit(2)} where id = $1 and state in ('failed', 'expired') and mode in ('send', 'run', 'event') returning id`,
        [id, asJson(done)],
      );
    },
    /** The first request wins. */
    async claim(ref: string): Promise<boolean> {
      return one(
        db,
        `update journal.rows set claimed_at = now(), updated_at = now() where ref = $1 and on_unknown = 'claim' and state in ('attempting', 'unknown') and claimed_at is null returning id`,
        [ref],
      );
    },
    /** Resolves when no attempt of the method can begin any more. */
    async pause(method: string, { who, why }: AuditAction): Promise<void> {
      await db.query(
        'insert into journal.pauses (method, who, why) values ($1, $2, $3) on conflict (method) do update set who = excluded.who, why = excluded.why',
        [method, who, why ?? null],
      );
      await delay(pauseSettleMs);
    },
    /** With `*`: every stop is lifted. */
    async resume(method: string): Promise<void> {
      await db.query(`delete from journal.pauses where method = $1 or $1 = '*'`, [method]);
    },
    async pauses(): Promise<readonly Pause[]> {
      return db.query<Pause>('select method, since, who, why from journal.pauses order by method limit 1000');
    },
    async loops(): Promise<
      readonly {
        service: string;
        name: string;
        schedule: string;
        last_run_at: Date | null;
        last_error: string | null;
        next_run_at: Date | null;
        held_by: string | null;
      }[]
    > {
      return db.query(
        `select service, name, schedule, last_run_at, next_run_at, case when l.lease_until > now() then held_by end as held_by,
           left(coalesce(c.error || case when c.failures > 0
             then ' (' || c.failures || ' failures in a row; next try at ' || to_char(c.retry_at at time zone 'UTC', 'HH24:MI:SS') || ' UTC)' else '' end, last_error), 2000) as last_error
         from journal.loops l left join journal.cursors c on c.consumer = l.name order by service, name limit 1000`,
      );
    },
    async requestLoop(service: string, name: string): Promise<boolean> {
      return one(db, 'update journal.loops set requested = true, takeovers = 0 where service = $1 and name = $2 returning name', [
        service,
        name,
      ]);
    },
  };
}
