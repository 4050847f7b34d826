/** API keys and the audit of decisions made with them. */
import type { z } from 'zod';
import type { Queries } from '../../bus/service.ts';
import type { gateway } from '../../contracts/gateway.ts';
import type { Scope } from '../../contracts/kit/define.ts';

type ApiKey = z.output<typeof gateway.create_key.output>;
type NewKey = z.output<typeof gateway.create_key.input>;
type AuditPage = z.output<typeof gateway.list_audit.output>;
export type Decision = Omit<AuditPage['items'][number], 'at'>;

interface KeyColumns {
  readonly key_id: string;
  readonly seq: string;
  readonly client: string;
  readonly person: string | null;
  readonly scopes: readonly Scope[];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}
const columns = 'key_id, seq::text, client, person, scopes, created_at, expires_at, revoked_at, last_used_at';
function keyOf(row: KeyColumns): ApiKey {
  const time = (at: Date | null) => at?.toISOString() ?? null;
  return {
    keyId: row.key_id,
    client: row.client,
    person: row.person,
    scopes: [...row.scopes],
    createdAt: row.created_at.toISOString(),
    expiresAt: time(row.expires_at),
    revokedAt: time(row.revoked_at),
    lastUsedAt: time(row.last_used_at),
  };
}

/** The stored key; `two_live` when its client, or its person there, has two others; null when its id exists with another secret. */
export async function insertKey(tx: Queries, key: NewKey): Promise<ApiKey | 'two_live' | null> {
  // Two concurrent creations for one client must see each other.
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`gateway.api_keys ${key.client}`]);
  const [same] = await tx.query<KeyColumns & { readonly is_same: boolean }>(
    `select ${columns}, secret_hash = decode($2, 'hex') and client = $3 and person is not distinct from $4 as is_same from gateway.api_keys where key_id = $1`,
    [key.keyId, key.secretHash, key.client, key.person],
  );
  if (same !== undefined) return same.is_same ? keyOf(same) : null;
  const live = await tx.query(
    'select 1 from gateway.api_keys where client = $1 and person is not distinct from $2 and revoked_at is null and (expires_at is null or expires_at > now())',
    [key.client, key.person],
  );
  if (live.length >= 2) return 'two_live';
  const [made] = await tx.query<KeyColumns>(
    `insert into gateway.api_keys (key_id, client, secret_hash, scopes, expires_at, person) values ($1, $2, decode($3, 'hex'), $4, $5, $6) returning ${columns}`,
    [key.keyId, key.client, key.secretHash, [...new Set(key.scopes)], key.expiresAt, key.person],
  );
  return keyOf(made as KeyColumns);
}

export interface StoredKey {
  readonly client: string;
  readonly person: string | null;
  readonly scopes: readonly Scope[];
  readonly secretHash: Buffer;
  readonly expiresAtMs: number;
  readonly isRevoked: boolean;
}
/** In the order of the ids; null for an unknown key. */
export async function findKeys(db: Queries, keyIds: readonly string[]): Promise<readonly (StoredKey | null)[]> {
  const rows = await db.query<KeyColumns & { readonly secret_hash: Buffer; readonly linked: string | null }>(
    // A link to a person counts more than the name that the key was created with.
    `select ${columns}, secret_hash, (select person_id from gateway.person_links where kind = 'key' and value = key_id) as linked
     from gateway.api_keys where key_id = any($1)`,
    [keyIds],
  );
  const stored = new Map(
    rows.map((row): [string, StoredKey] => [
      row.key_id,
      {
        client: row.client,
        person: row.linked ?? row.person,
        scopes: row.scopes,
        secretHash: row.secret_hash,
        expiresAtMs: row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY,
        isRevoked: row.revoked_at !== null,
      },
    ]),
  );
  return keyIds.map((keyId) => stored.get(keyId) ?? null);
}

export async function listKeys(
  db: Queries,
  { client, before, limit }: { readonly client?: string | undefined; readonly before?: string | undefined; readonly limit: number },
): Promise<{ readonly items: ApiKey[]; readonly next: string | null }> {
  const rows = await db.query<KeyColumns>(
    `select ${columns} from gateway.api_keys
     where ($1::text is null or client = $1) and ($2::bigint is null or api_keys.seq < $2) order by api_keys.seq desc limit $3`,
    [client ?? null, before ?? null, limit + 1],
  );
  return { items: rows.slice(0, limit).map(keyOf), next: rows.length > limit ? (rows[limit - 1]?.seq ?? null) : null };
}

/** Of all active keys of the client. */
export async function liveScopes(db: Queries, client: string): Promise<readonly Scope[]> {
  const rows = await db.query<{ scope: Scope }>(
    `select distinct unnest(scopes) as scope from gateway.api_keys
     where client = $1 and revoked_at is null and (expires_at is null or expires_at > now()) order by scope`,
    [client],
  );
  return rows.map(({ scope }) => scope);
}

export async function revokeKey(tx: Queries, keyId: string): Promise<ApiKey | null> {
  const [row] = await tx.query<KeyColumns>(
    `update gateway.api_keys set revoked_at = coalesce(revoked_at, now()) where key_id = $1 returning ${columns}`,
    [keyId],
  );
  return row === undefined ? null : keyOf(row);
}

/** @param uses Key id → Unix ms. */
export async function noteUses(db: Queries, uses: ReadonlyMap<string, number>): Promise<void> {
  if (uses.size === 0) return;
  await db.query(
    `update gateway.api_keys k set last_used_at = greatest(k.last_used_at, to_timestamp(u.ms / 1000.0))
     from unnest($1::text[], $2::double precision[]) as u (key_id, ms) where k.key_id = u.key_id`,
    [[...uses.keys()], [...uses.values()]],
  );
}

export async function insertDecision(
  db: Queries,
  { keyId, client, person, method, target, code, reason, requestId }: Decision,
): Promise<void> {
  await db.query(
    'insert into gateway.audit (key_id, client, person, method, target, code, reason, request_id) values ($1, $2, $3, $4, $5, $6, $7, $8)',
    [keyId, client, person, method, target, code, reason, requestId],
  );
}

export async function listDecisions(
  db: Queries,
  { client, before, limit }: { readonly client?: string | undefined; readonly before?: string | undefined; readonly limit: number },
): Promise<{ readonly items: AuditPage['items']; readonly next: string | null }> {
  const rows = await db.query<{
    seq: string;
    at: Date;
    key_id: string;
    client: string;
    person: string | null;
    method: string;
    target: string | null;
    code: string;
    reason: string | null;
    request_id: string;
  }>(
    `select seq::text, at, key_id, client, person, method, target, code, reason, request_id from gateway.audit
     where ($1::text is null or client = $1) and ($2::bigint is null or audit.seq < $2) order by audit.seq desc limit $3`,
    [client ?? null, before ?? null, limit + 1],
  );
  const items = rows.slice(0, limit).map((row) => ({
    at: row.at.toISOString(),
    keyId: row.key_id,
    client: row.client,
    person: row.person,
    method: row.method,
    target: row.target,
    code: row.code,
    reason: row.reason,
    requestId: row.request_id,
  }));
  return { items, next: rows.length > limit ? (rows[limit - 1]?.seq ?? null) : null };
}

/** Unusable keys are deleted together with the last decisions they may have made. */
export async function forgetDecisions(db: Queries, olderThanDays: number): Promise<void> {
  await db.query('delete from gateway.audit where at < now() - make_interval(days => $1)', [olderThanDays]);
  await db.query('delete from gateway.api_keys where least(revoked_at, expires_at) < now() - make_interval(days => $1)', [olderThanDays]);
}

/** Services that responded within the last day. */
export async function findServices(db: Queries): Promise<readonly string[]> {
  const rows = await db.query<{ service: string }>(
    `select service from gateway.services where seen_at > now() - interval '1 day' order by service limit 1000`,
  );
  return rows.map(({ service }) => service);
}
export async function noteServices(db: Queries, services: readonly string[]): Promise<void> {
  await db.query(
    `insert into gateway.services (service) select unnest($1::text[]) on conflict (service) do update set seen_at = now()
     where services.seen_at < now() - interval '1 minute'`,
    [services],
  );
}
