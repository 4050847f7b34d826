/** The tokens of one connection as a row of `crm_connector.tokens`. */
import type { Database } from './deps.ts';
import { seal, unseal } from './seal.ts';

/** What a provider says of the account: its host, its id. */
export type Account = Readonly<Record<string, string>>;
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
}
/** Why no refresh is sent for a while. */
export interface Problem {
  readonly code: 'unavailable' | 'resource_exhausted' | 'failed_precondition';
  readonly reason?: string | undefined;
  readonly message: string;
}
export interface TokenRow {
  readonly version: string;
  readonly account: Account;
  /** Null if this installation's key does not open them. */
  readonly tokens: TokenPair | null;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly state: 'ok' | 'needs_reauthorisation' | 'blocked';
  readonly heldUntil: number | null;
  readonly problem: Problem | null;
}
export interface TokenRows {
  read(): Promise<TokenRow | undefined>;
  /** The row as it is under the lock; undefined while another owner holds it. */
  lock(owner: string, leaseMs: number): Promise<TokenRow | undefined>;
  unlock(owner: string): Promise<void>;
  /** Stores new tokens and clears every problem. */
  store(fresh: Fresh): Promise<void>;
  /** The same, in the place of the tokens of `version`. False if others were stored meanwhile: these are then older, and dropped. */
  replace(version: string, fresh: Fresh): Promise<boolean>;
  /** Nothing happens if other tokens were stored meanwhile. */
  mark(version: string, mark: Pick<TokenRow, 'state' | 'heldUntil' | 'problem'>): Promise<void>;
}
export interface Fresh extends TokenPair {
  readonly account: Account;
  readonly issuedAt: number;
  readonly expiresAt: number;
}
interface Stored {
  readonly version: string;
  readonly account: Account;
  readonly sealed: Buffer;
  readonly issued_at: Date;
  readonly expires_at: Date;
  readonly state: TokenRow['state'];
  readonly held_until: Date | null;
  readonly problem: Problem | null;
}

const columns = 'version, account, sealed, issued_at, expires_at, state, held_until, problem';

export function tokenRows(
  db: Database,
  { connection, vendor, key }: { readonly connection: string; readonly vendor: string; readonly key: () => Uint8Array },
): TokenRows {
  const at = [connection, vendor];
  const place = `crm_connector.tokens/${connection}/${vendor}`;
  const rowOf = (stored: Stored | undefined): TokenRow | undefined => {
    if (stored === undefined) return undefined;
    const text = unseal(stored.sealed, key(), place);
    return {
      version: stored.version,
      account: stored.account,
      tokens: text === null ? null : (JSON.parse(text) as TokenPair), // Authenticated: only `valuesOf` writes it.
      issuedAt: stored.issued_at.getTime(),
      expiresAt: stored.expires_at.getTime(),
      state: stored.state,
      heldUntil: stored.held_until?.getTime() ?? null,
      problem: stored.problem,
    };
  };
  const valuesOf = ({ accessToken, refreshToken, account, issuedAt, expiresAt }: Fresh): readonly unknown[] => [
    JSON.stringify(account),
    seal(JSON.stringify({ accessToken, refreshToken }), key(), place),
    new Date(issuedAt),
    new Date(expiresAt),
  ];
  return {
    read: async () =>
      rowOf((await db.query<Stored>(`select ${columns} from crm_connector.tokens where connection = $1 and vendor = $2`, at))[0]),
    lock: async (owner, leaseMs) =>
      rowOf(
        (
          await db.query<Stored>(
            `update crm_connector.tokens set locked_by = $3, locked_until = clock_timestamp() + $4 * interval '1 millisecond'
             where connection = $1 and vendor = $2 and (locked_until is null or locked_until <= clock_timestamp()) returning ${columns}`,
            [...at, owner, leaseMs],
          )
        )[0],
      ),
    async unlock(owner) {
      await db.query(
        'update crm_connector.tokens set locked_by = null, locked_until = null where connection = $1 and vendor = $2 and locked_by = $3',
        [...at, owner],
      );
    },
    async store(fresh) {
      await db.query(
        `insert into crm_connector.tokens as t (connection, vendor, account, sealed, issued_at, expires_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (connection, vendor) do update set (account, sealed, issued_at, expires_at) =
             (excluded.account, excluded.sealed, excluded.issued_at, excluded.expires_at),
           version = t.version + 1, state = 'ok', held_until = null, problem = null, updated_at = now()`,
        [...at, ...valuesOf(fresh)],
      );
    },
    async replace(version, fresh) {
      const done = await db.query(
        `update crm_connector.tokens set (account, sealed, issued_at, expires_at) = ($3::jsonb, $4::bytea, $5::timestamptz, $6::timestamptz),
           version = version + 1, state = 'ok', held_until = null, problem = null, updated_at = now()
         where connection = $1 and vendor = $2 and version = $7 returning 1`,
        [...at, ...valuesOf(fresh), version],
      );
      return done.length > 0;
    },
    async mark(version, { state, heldUntil, problem }) {
      await db.query(
        `update crm_connector.tokens set state = $4, held_until = $5, problem = $6, updated_at = now()
         where connection = $1 and vendor = $2 and version = $3`,
        [...at, version, state, heldUntil === null ? null : new Date(heldUntil), problem === null ? null : JSON.stringify(problem)],
      );
    },
  };
}

/** What anyone may read of the tokens. */
export async function readState(
  db: Database,
  { connection, vendor }: { readonly connection: string; readonly vendor: string },
): Promise<Pick<TokenRow, 'state' | 'heldUntil' | 'account'> | undefined> {
  const [row] = await db.query<Pick<Stored, 'state' | 'held_until' | 'account'>>(
    'select state, held_until, account from crm_connector.tokens where connection = $1 and vendor = $2',
    [connection, vendor],
  );
  return row === undefined ? undefined : { state: row.state, heldUntil: row.held_until?.getTime() ?? null, account: row.account };
}
