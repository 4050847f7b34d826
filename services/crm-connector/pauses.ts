/** Connections that a person has paused. */
import type { Queries } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

export interface Paused {
  readonly kind: 'crm' | 'booking';
  readonly connection: string;
  readonly reason: string | null;
  readonly by: string;
  readonly since: Date;
}
export interface Pauses {
  all(): Promise<readonly Paused[]>;
  /** False if it was paused already. */
  pause(paused: Omit<Paused, 'since'>): Promise<boolean>;
  /** False if it was not paused. */
  resume(at: Pick<Paused, 'kind' | 'connection'>): Promise<boolean>;
  /** @throws PolybError unavailable/paused; nothing was sent. */
  mayCall(at: Pick<Paused, 'kind' | 'connection'>): Promise<void>;
}
/** How long a process may not have noticed a pause yet. */
const lookEveryMs = 1_000;
/** When a refused attempt asks again. */
const retryAfterMs = 15_000;

export function pausesIn(db: Queries, now: () => number): Pauses {
  let known: { readonly at: number; readonly rows: Promise<readonly Paused[]> } | undefined;
  const read = () =>
    db.query<Paused>('select kind, connection, reason, by_whom as by, since from crm_connector.paused order by kind, connection');
  const recent = () => {
    if (known === undefined || now() - known.at >= lookEveryMs) known = { at: now(), rows: read() };
    const { rows } = known;
    rows.catch(() => {
      known = undefined;
    });
    return rows;
  };
  return {
    all: read,
    async pause({ kind, connection, reason, by }) {
      known = undefined;
      const done = await db.query(
        'insert into crm_connector.paused (kind, connection, reason, by_whom) values ($1, $2, $3, $4) on conflict do nothing returning 1',
        [kind, connection, reason, by],
      );
      known = undefined;
      return done.length > 0;
    },
    async resume({ kind, connection }) {
      const done = await db.query('delete from crm_connector.paused where kind = $1 and connection = $2 returning 1', [kind, connection]);
      known = undefined;
      return done.length > 0;
    },
    async mayCall({ kind, connection }) {
      const paused = (await recent()).find((each) => each.kind === kind && each.connection === connection);
      if (paused === undefined) return;
      throw new PolybError('unavailable', `The ${kind} connection ${connection} is paused; polyb crm resume ${connection} ends it.`, {
        reason: 'paused',
        retryAfterMs,
        outcome: 'not_executed',
      });
    },
  };
}
