/**
 * Telephony without phones: calls are rows, and the clock determines their state, so that any process can compute it. The last two digits
 * of the phone decide the outcome: 90 busy, 91 no answer, 92 rejected, 93 refused by the gateway, otherwise answered.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { durationMs, text } from '../../config/settings.ts';
import { lookUp } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Deps, Queries } from '../deps.ts';
import { recordOnce } from './effects-file.ts';
import type { Cause, LegChange, LegOutcome, Telephony } from './port.ts';

const duration = () => durationMs({ max: 3_600_000 });
export const simulatorSettings = z.object({
  TELEPHONY_SIM_RING_MS: duration().default(800).describe('How long a simulated phone rings before it is answered or rejected.'),
  TELEPHONY_SIM_TALK_MS: duration().default(1500).describe('Length of a simulated conversation.'),
  TELEPHONY_SIM_NO_ANSWER_MS: duration().default(3000).describe('How long an unanswered simulated phone rings.'),
  TELEPHONY_SIM_EFFECTS_FILE: text().optional().describe('A file to which each simulated call appends a line; for fault tests.'),
});

interface Plan {
  readonly ringingAt: number | null;
  readonly answeredAt: number | null;
  readonly endedAt: number;
  readonly outcome: LegOutcome;
}
interface Row {
  readonly leg_id: string;
  readonly call_id: string;
  readonly ringing_at: Date | null;
  readonly answered_at: Date | null;
  readonly ended_at: Date;
  readonly phone_number: string;
  readonly outcome: LegOutcome;
  readonly ended_by: 'system' | 'remote';
  readonly told: number;
}

export function simulator(
  options: z.output<typeof simulatorSettings>,
  { db, now }: Pick<Deps, 'db' | 'now'>,
): Telephony & Required<Pick<Telephony, 'legs'>> {
  const find = async ({ ref }: { ref: string }) => {
    const [leg] = await db.query<{ leg_id: string }>('select leg_id from telephony_gateway.simulated_legs where ref = $1', [ref]);
    return leg === undefined ? null : { legId: leg.leg_id, reportsEnd: true };
  };
  return {
    reportsEnd: true,
    isSimulated: true,
    dial: {
      async attempt({ callId, to: phoneNumber }, { ref }) {
        const plan = planned(phoneNumber, now(), options);
        if (plan === null)
          throw new PolybError('failed_precondition', 'The simulated gateway refuses phones that end in 93; dial another.', {
            reason: 'gateway_refused',
          });
        const legId = `leg_${randomUUID()}`;
        const placed = await db.transaction(async (tx) => {
          const rows = await tx.query(
            `insert into telephony_gateway.simulated_legs
               (leg_id, ref, call_id, phone_number, ringing_at, answered_at, ended_at, outcome, next_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($5::timestamptz, $6::timestamptz, $7::timestamptz)) on conflict (ref) do nothing returning 1`,
            [legId, ref, callId, phoneNumber, at(plan.ringingAt), at(plan.answeredAt), at(plan.endedAt), plan.outcome],
          );
          if (rows.length > 0 && options.TELEPHONY_SIM_EFFECTS_FILE !== undefined)
            recordOnce(options.TELEPHONY_SIM_EFFECTS_FILE, { ref, callId, phoneNumber });
          return rows.length > 0;
        });
        const leg = placed ? { legId, reportsEnd: true } : await find({ ref });
        if (leg === null) throw new PolybError('internal', 'The simulated leg with this reference no longer exists.');
        return leg;
      },
      // Reusing a reference places no second call, so there is no need to wait for a slow first attempt.
      onUnknown: lookUp(0, find),
    },

    async hangUp(legId) {
      const time = at(now());
      const ended = await db.query(
        `update telephony_gateway.simulated_legs set
           ringing_at = case when ringing_at <= $2 then ringing_at end,
           answered_at = case when answered_at <= $2 then answered_at end,
           outcome = case when answered_at <= $2 or told >= 2 then 'answered' else 'cancelled' end,
           ended_by = 'system', ended_at = $2, next_at = $2
         where leg_id = $1 and ended_at > $2 and told < 3 returning 1`,
        [legId, time],
      );
      if (ended.length === 0) await known(db, legId);
    },

    async transfer(legId, to) {
      const answered = await db.query(
        `update telephony_gateway.simulated_legs set transferred_to = $3
         where leg_id = $1 and answered_at <= $2 and ended_at > $2 returning 1`,
        [legId, at(now()), to],
      );
      if (answered.length > 0) return;
      await known(db, legId);
      throw new PolybError('failed_precondition', 'Only an answered leg that has not ended can be transferred.', {
        reason: 'not_answered',
      });
    },

    legs: {
      async due(tx, time, limit) {
        const rows = await tx.query<Row>(
          `select leg_id, call_id, phone_number, ringing_at, answered_at, ended_at, outcome, ended_by, told from telephony_gateway.simulated_legs
           where next_at <= $1 order by next_at limit $2 for update skip locked`,
          [at(time), limit],
        );
        const taken = rows.map((row) => ({ row, ...split(row, time) }));
        await tx.query(
          `update telephony_gateway.simulated_legs leg set told = taken.told, next_at = taken.next_at
           from unnest($1::text[], $2::smallint[], $3::timestamptz[]) as taken (leg_id, told, next_at) where leg.leg_id = taken.leg_id`,
          [taken.map(({ row }) => row.leg_id), taken.map(({ told }) => told), taken.map(({ nextAt }) => at(nextAt))],
        );
        const [next] = await tx.query<{ next_at: Date | null }>('select min(next_at) as next_at from telephony_gateway.simulated_legs');
        return {
          changes: taken.flatMap(({ changes }) => changes).sort((a, b) => Date.parse(a.at) - Date.parse(b.at)),
          nextAt: next?.next_at ? new Date(next.next_at).getTime() : null,
        };
      },
      async live(limit) {
        const rows = await db.query<{ leg_id: string }>(
          'select leg_id from telephony_gateway.simulated_legs where next_at is not null order by next_at limit $1',
          [limit],
        );
        return rows.map(({ leg_id }) => leg_id);
      },
      async forget(before) {
        await db.query('delete from telephony_gateway.simulated_legs where ended_at < $1 and next_at is null', [at(before)]);
      },
    },
  };
}

/** The course of a call placed at `start`; null when the gateway refuses it. */
function planned(phone: string, start: number, options: z.output<typeof simulatorSettings>): Plan | null {
  const { TELEPHONY_SIM_RING_MS: ringMs, TELEPHONY_SIM_TALK_MS: talkMs, TELEPHONY_SIM_NO_ANSWER_MS: noAnswerMs } = options;
  switch (phone.slice(-2)) {
    case '90':
      return { ringingAt: null, answeredAt: null, endedAt: start + ringMs, outcome: 'busy' };
    case '91':
      return { ringingAt: start, answeredAt: null, endedAt: start + noAnswerMs, outcome: 'no_answer' };
    case '92':
      return { ringingAt: start, answeredAt: null, endedAt: start + ringMs, outcome: 'rejected' };
    case '93':
      return null;
    default:
      return { ringingAt: start, answeredAt: start + ringMs, endedAt: start + ringMs + talkMs, outcome: 'answered' };
  }
}

/** The due changes of a leg that have not been taken, and the time of the next one. */
function split(row: Row, time: number): { changes: LegChange[]; told: number; nextAt: number | null } {
  const steps = (['ringing', 'answered', 'ended'] as const)
    .map((state, index) => ({ state, rank: index + 1, at: row[`${state}_at`] }))
    .flatMap(({ at, ...step }) => (at === null || step.rank <= row.told ? [] : [{ ...step, at: new Date(at) }]));
  const due = steps.filter(({ at }) => at.getTime() <= time);
  return {
    changes: due.map(({ state, at }) => ({
      callId: row.call_id,
      legId: row.leg_id,
      direction: 'out',
      from: null,
      to: row.phone_number,
      state,
      ...(state === 'ended' ? endOf(row) : { outcome: null, hangUpCause: null, q850: null, endedBy: null }),
      recordingId: null,
      at: at.toISOString(),
    })),
    told: due.at(-1)?.rank ?? row.told,
    nextAt: steps[due.length]?.at.getTime() ?? null,
  };
}

/** The end of a leg as a real network would report it. */
function endOf({ outcome, ended_by: endedBy }: Row): Pick<LegChange, 'outcome' | 'hangUpCause' | 'q850' | 'endedBy'> {
  const [hangUpCause, q850] = causes[outcome];
  return { outcome, hangUpCause, q850, endedBy: outcome === 'no_answer' ? 'network' : endedBy };
}
const causes: Readonly<Record<LegOutcome, readonly [Cause, number | null]>> = {
  answered: ['normal', 16],
  busy: ['busy', 17],
  no_answer: ['no_answer', 19],
  rejected: ['rejected', 21],
  cancelled: ['cancelled', null],
  failed: ['unknown', null],
  unknown: ['unknown', null],
};

async function known(db: Queries, legId: string): Promise<void> {
  const rows = await db.query('select 1 from telephony_gateway.simulated_legs where leg_id = $1', [legId]);
  if (rows.length === 0) throw new PolybError('not_found', 'There is no leg with this id.');
}

function at(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
