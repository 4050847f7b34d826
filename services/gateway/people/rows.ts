/** People, invitations, sessions and links. */
import type { z } from 'zod';
import type { Queries } from '../../../bus/service.ts';
import type { PersonRole } from '../../../contracts/kit/define.ts';
import type { people } from '../../../contracts/people.ts';

export type Person = z.output<typeof people.list_people.output>['items'][number];
export type Session = z.output<typeof people.list_sessions.output>['items'][number];
type Page<T> = { readonly items: T[]; readonly next: string | null };

interface PersonColumns {
  readonly person_id: string;
  readonly seq: string;
  readonly name: string;
  readonly role: PersonRole;
  readonly can_log_in: boolean;
  readonly has_second_factor: boolean;
  readonly created_at: Date;
  readonly disabled_at: Date | null;
  readonly last_seen_at: Date | null;
  readonly links: { readonly kind: string; readonly value: string }[];
}
/** The kind of a link to a user at the identity provider. */
export const identityKind = 'identity';
const canLogIn = `(password_hash is not null or exists (select from gateway.person_links i where i.kind = '${identityKind}' and i.person_id = p.person_id))`;
const personColumns = `person_id, seq::text, name, role, ${canLogIn} as can_log_in, second_factor is not null as has_second_factor,
  created_at, disabled_at, last_seen_at,
  coalesce((select json_agg(json_build_object('kind', kind, 'value', value) order by kind, value) from gateway.person_links l where l.person_id = p.person_id), '[]') as links`;
const personOf = (row: PersonColumns): Person => ({
  personId: row.person_id,
  name: row.name,
  role: row.role,
  state: row.disabled_at !== null ? 'disabled' : row.can_log_in ? 'active' : 'invited',
  hasSecondFactor: row.has_second_factor,
  createdAt: row.created_at.toISOString(),
  lastSeenAt: row.last_seen_at?.toISOString() ?? null,
  links: row.links,
});

export async function findPerson(tx: Queries, personId: string): Promise<Person | null> {
  const [row] = await tx.query<PersonColumns>(`select ${personColumns} from gateway.people p where person_id = $1`, [personId]);
  return row === undefined ? null : personOf(row);
}
/** False if the person exists. */
export async function insertPerson(tx: Queries, { personId, name, role }: Pick<Person, 'personId' | 'name' | 'role'>): Promise<boolean> {
  const made = await tx.query(
    'insert into gateway.people (person_id, name, role) values ($1, $2, $3) on conflict do nothing returning person_id',
    [personId, name, role],
  );
  return made.length > 0;
}
export async function listPeople(
  db: Queries,
  { role, after, limit }: { readonly role?: PersonRole | undefined; readonly after?: string | undefined; readonly limit: number },
): Promise<Page<Person>> {
  const rows = await db.query<PersonColumns>(
    `select ${personColumns} from gateway.people p
     where ($1::text is null or role = $1) and ($2::text is null or person_id > $2) order by person_id limit $3`,
    [role ?? null, after ?? null, limit + 1],
  );
  return { items: rows.slice(0, limit).map(personOf), next: rows.length > limit ? (rows[limit - 1]?.person_id ?? null) : null };
}
/** Null: no such person. `last_admin`: nobody could manage people afterwards. */
export async function changePerson(
  tx: Queries,
  personId: string,
  change: { readonly role?: PersonRole; readonly isDisabled?: boolean },
): Promise<Person | 'last_admin' | null> {
  // Two admins who demote each other must see each other.
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('gateway.people', 0))`);
  const before = await findPerson(tx, personId);
  if (before === null) return null;
  const losesAdmin =
    before.role === 'admin' && before.state !== 'disabled' && (change.isDisabled === true || (change.role ?? 'admin') !== 'admin');
  if (losesAdmin) {
    const others = await tx.query(
      `select 1 from gateway.people p where role = 'admin' and disabled_at is null and ${canLogIn} and person_id <> $1 limit 1`,
      [personId],
    );
    if (others.length === 0) return 'last_admin';
  }
  await tx.query(
    `update gateway.people set role = coalesce($2, role),
       disabled_at = case when $3::boolean is null then disabled_at when $3 then coalesce(disabled_at, now()) end where person_id = $1`,
    [personId, change.role ?? null, change.isDisabled ?? null],
  );
  return findPerson(tx, personId);
}
export async function forgetPassword(tx: Queries, personId: string): Promise<void> {
  await tx.query(
    `update gateway.people set password_hash = null, second_factor = null, pending_second_factor = null, recovery_hashes = '{}' where person_id = $1`,
    [personId],
  );
}

/** The earlier links of the person end; a repeat with the same token keeps the first end. */
export async function insertInvitation(tx: Queries, personId: string, tokenHash: string, forMs: number): Promise<Date> {
  await tx.query(
    `update gateway.invitations set expires_at = least(expires_at, now()) where person_id = $1 and used_at is null and token_hash <> decode($2, 'hex')`,
    [personId, tokenHash],
  );
  const [row] = await tx.query<{ expires_at: Date }>(
    `insert into gateway.invitations (token_hash, person_id, expires_at) values (decode($1, 'hex'), $2, now() + make_interval(secs => $3))
     on conflict (token_hash) do update set token_hash = excluded.token_hash returning expires_at`,
    [tokenHash, personId, forMs / 1000],
  );
  return row?.expires_at as Date;
}
/** Whether this token was made for the person before. */
export async function hasInvitation(tx: Queries, personId: string, tokenHash: string): Promise<boolean> {
  const rows = await tx.query(`select 1 from gateway.invitations where token_hash = decode($1, 'hex') and person_id = $2`, [
    tokenHash,
    personId,
  ]);
  return rows.length > 0;
}
/** The person of an open invitation, which is used by this; null if it is unknown, used or over, or its person is disabled. */
export async function useInvitation(tx: Queries, tokenHash: Buffer): Promise<string | null> {
  const [row] = await tx.query<{ person_id: string }>(
    `update gateway.invitations i set used_at = now() from gateway.people p
     where i.token_hash = $1 and i.used_at is null and i.expires_at > now() and p.person_id = i.person_id and p.disabled_at is null
     returning i.person_id`,
    [tokenHash],
  );
  return row?.person_id ?? null;
}

export interface Credentials {
  readonly personId: string;
  readonly name: string;
  readonly role: PersonRole;
  readonly passwordHash: string | null;
  readonly isDisabled: boolean;
  /** Encrypted. */
  readonly secondFactor: Buffer | null;
  readonly pendingSecondFactor: Buffer | null;
  readonly usedStep: number;
}
export async function findCredentials(db: Queries, personId: string): Promise<Credentials | null> {
  const [row] = await db.query<Omit<Credentials, 'usedStep'> & { readonly usedStep: string }>(
    `select person_id as "personId", name, role, password_hash as "passwordHash", disabled_at is not null as "isDisabled",
       second_factor as "secondFactor", pending_second_factor as "pendingSecondFactor", used_step as "usedStep"
     from gateway.people where person_id = $1`,
    [personId],
  );
  return row === undefined ? null : { ...row, usedStep: Number(row.usedStep) };
}
export async function setPassword(tx: Queries, personId: string, passwordHash: string): Promise<void> {
  await tx.query('update gateway.people set password_hash = $2 where person_id = $1', [personId, passwordHash]);
}
/** False if the step was used meanwhile: a code counts once. */
export async function useStep(db: Queries, personId: string, step: number): Promise<boolean> {
  const rows = await db.query('update gateway.people set used_step = $2 where person_id = $1 and used_step < $2 returning 1', [
    personId,
    step,
  ]);
  return rows.length > 0;
}
/** False if it is none of the person's recovery codes that are left. */
export async function useRecoveryCode(db: Queries, personId: string, digest: Buffer): Promise<boolean> {
  const rows = await db.query(
    'update gateway.people set recovery_hashes = array_remove(recovery_hashes, $2) where person_id = $1 and $2 = any(recovery_hashes) returning 1',
    [personId, digest],
  );
  return rows.length > 0;
}
export async function proposeSecondFactor(db: Queries, personId: string, sealed: Buffer): Promise<void> {
  await db.query('update gateway.people set pending_second_factor = $2 where person_id = $1', [personId, sealed]);
}
export async function confirmSecondFactor(db: Queries, personId: string, step: number, recovery: readonly Buffer[]): Promise<void> {
  await db.query(
    `update gateway.people set second_factor = pending_second_factor, pending_second_factor = null, used_step = $2, recovery_hashes = $3
     where person_id = $1 and pending_second_factor is not null`,
    [personId, step, recovery],
  );
}

export interface StoredSession {
  readonly sessionId: string;
  readonly personId: string;
  readonly role: PersonRole;
  readonly expiresAtMs: number;
  readonly hasSecondFactor: boolean;
  /** The identity provider vouched for the person. */
  readonly isProvided: boolean;
}
export async function insertSession(
  tx: Queries,
  session: {
    readonly sessionId: string;
    readonly personId: string;
    readonly tokenHash: Buffer;
    readonly address: string;
    readonly program: string;
    readonly totalMs: number;
    readonly isProvided: boolean;
  },
): Promise<void> {
  const { sessionId, personId, tokenHash, address, program, totalMs, isProvided } = session;
  await tx.query(
    `insert into gateway.sessions (session_id, person_id, token_hash, address, program, expires_at, is_provided)
     values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7)`,
    [sessionId, personId, tokenHash, address, program, totalMs / 1000, isProvided],
  );
  await tx.query('update gateway.people set last_seen_at = now() where person_id = $1', [personId]);
}
/** Open sessions by the digests of their tokens, in their order. */
export async function findSessions(
  db: Queries,
  tokenHashes: readonly string[],
  idleMs: number,
): Promise<readonly (StoredSession | null)[]> {
  const rows = await db.query<StoredSession & { readonly token_hash: string; readonly expires_at: Date }>(
    `select encode(s.token_hash, 'hex') as token_hash, session_id as "sessionId", s.person_id as "personId", role, expires_at,
       second_factor is not null as "hasSecondFactor", is_provided as "isProvided"
     from gateway.sessions s join gateway.people p using (person_id)
     where s.token_hash = any(select decode(h, 'hex') from unnest($1::text[]) h)
       and ended_at is null and expires_at > now() and s.last_seen_at > now() - make_interval(secs => $2) and disabled_at is null`,
    [tokenHashes, idleMs / 1000],
  );
  const found = new Map(rows.map(({ token_hash, expires_at, ...row }) => [token_hash, { ...row, expiresAtMs: expires_at.getTime() }]));
  return tokenHashes.map((each) => found.get(each) ?? null);
}
/** The ids of the sessions that were open. */
export async function endSessions(
  tx: Queries,
  which: { readonly personId: string; readonly except?: string } | { readonly sessionId: string },
): Promise<readonly string[]> {
  const [column, value] = 'sessionId' in which ? ['session_id', which.sessionId] : ['person_id', which.personId];
  const rows = await tx.query<{ session_id: string }>(
    `update gateway.sessions set ended_at = now() where ${column} = $1 and ended_at is null and session_id is distinct from $2 returning session_id`,
    [value, 'except' in which ? which.except : null],
  );
  return rows.map(({ session_id }) => session_id);
}
interface SessionColumns {
  readonly session_id: string;
  readonly seq: string;
  readonly person_id: string;
  readonly address: string;
  readonly program: string;
  readonly created_at: Date;
  readonly last_seen_at: Date;
  readonly expires_at: Date;
  readonly ended_at: Date | null;
}
const sessionColumns = 'session_id, seq::text, person_id, address, program, created_at, last_seen_at, expires_at, ended_at';
const sessionOf = (row: SessionColumns): Session => ({
  sessionId: row.session_id,
  personId: row.person_id,
  address: row.address,
  program: row.program,
  createdAt: row.created_at.toISOString(),
  lastSeenAt: row.last_seen_at.toISOString(),
  expiresAt: row.expires_at.toISOString(),
  endedAt: row.ended_at?.toISOString() ?? null,
});
export async function findLogin(db: Queries, sessionId: string): Promise<Session | null> {
  const [row] = await db.query<SessionColumns>(`select ${sessionColumns} from gateway.sessions where session_id = $1`, [sessionId]);
  return row === undefined ? null : sessionOf(row);
}
export async function listLogins(
  db: Queries,
  {
    personId,
    isOpen,
    before,
    limit,
    idleMs,
  }: {
    readonly personId?: string | undefined;
    readonly isOpen: boolean;
    readonly before?: string | undefined;
    readonly limit: number;
    readonly idleMs: number;
  },
): Promise<Page<Session>> {
  const rows = await db.query<SessionColumns>(
    `select ${sessionColumns} from gateway.sessions where ($1::text is null or person_id = $1) and ($2::bigint is null or sessions.seq < $2)
       and (not $3 or (ended_at is null and expires_at > now() and last_seen_at > now() - make_interval(secs => $4)))
     order by sessions.seq desc limit $5`,
    [personId ?? null, before ?? null, isOpen, idleMs / 1000, limit + 1],
  );
  return { items: rows.slice(0, limit).map(sessionOf), next: rows.length > limit ? (rows[limit - 1]?.seq ?? null) : null };
}
/** @param uses Session id → Unix ms. */
export async function noteSessionUses(db: Queries, uses: ReadonlyMap<string, number>): Promise<void> {
  if (uses.size === 0) return;
  await db.query(
    `with used as (select session_id, to_timestamp(ms / 1000.0) as at from unnest($1::text[], $2::double precision[]) as u (session_id, ms)),
       seen as (update gateway.sessions s set last_seen_at = greatest(s.last_seen_at, used.at) from used where s.session_id = used.session_id
         returning s.person_id, used.at)
     update gateway.people p set last_seen_at = greatest(p.last_seen_at, seen.at)
     from (select person_id, max(at) as at from seen group by person_id) seen where p.person_id = seen.person_id`,
    [[...uses.keys()], [...uses.values()]],
  );
}
/** Whether the person has logged in from this address before, in the last 90 days. */
export async function isKnownAddress(db: Queries, personId: string, address: string): Promise<boolean> {
  const rows = await db.query(
    `select 1 from gateway.sessions where person_id = $1 and address = $2 and created_at > now() - interval '90 days' limit 1`,
    [personId, address],
  );
  return rows.length > 0;
}

type LinkOf = { readonly personId: string; readonly kind: string; readonly value: string };
/** The person that has the link now: another one keeps it. */
export async function insertLink(tx: Queries, { personId, kind, value }: LinkOf): Promise<string> {
  const [row] = await tx.query<{ person_id: string }>(
    `insert into gateway.person_links as l (kind, value, person_id) values ($1, $2, $3)
     on conflict (kind, value) do update set kind = excluded.kind returning l.person_id`,
    [kind, value, personId],
  );
  return row?.person_id ?? personId;
}
export async function deleteLink(tx: Queries, { personId, kind, value }: LinkOf): Promise<boolean> {
  const rows = await tx.query('delete from gateway.person_links where kind = $1 and value = $2 and person_id = $3 returning 1', [
    kind,
    value,
    personId,
  ]);
  return rows.length > 0;
}

/** Ended sessions and used invitations are deleted with the audit of their time. */
export async function forgetSessions(db: Queries, olderThanDays: number): Promise<void> {
  await db.query('delete from gateway.sessions where least(ended_at, expires_at) < now() - make_interval(days => $1)', [olderThanDays]);
  await db.query('delete from gateway.invitations where expires_at < now() - make_interval(days => $1)', [olderThanDays]);
}
