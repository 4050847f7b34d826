/** Lists the coming appointments of each booking system now and then: what no delivery has reported is found here. */
import type { Booking } from '../../adapters/booking/port.ts';
import { type Commit, type Connections, type Database, type Log, type Loop, loop } from '../../bus/service.ts';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { todayIn } from './booking.ts';
import { recordGone } from './read-changes.loop.ts';
import { recordAppointment } from './record-appointment.ts';
import { comingKnown, hasBaseline, setBaseline } from './rows/known.ts';

const patienceMs = 60_000;
/** Days that are compared, from today on. */
const days = 31;
/** A list this long may be cut, so that a missing appointment proves nothing. */
const mostListed = 500;

export function reconcile(
  connections: Connections<Booking>,
  { db, commit, log, now }: { readonly db: Database; readonly commit: Commit; readonly log: Log; readonly now: () => number },
  everyMs: number,
): readonly Loop[] {
  // The built-in calendar has nobody beside us who changes it.
  const vendors = [...connections].filter(([, { company }]) => company === undefined);
  return vendors.map(([connection, adapter]) => {
    async function compare(signal: AbortSignal): Promise<void> {
      const timeZone = await adapter.timeZone(signal);
      const from = todayIn(timeZone, now());
      const listed = await adapter.listAppointments({ from, days }, signal);
      const isNews = await hasBaseline(db, 'booking', connection);
      for (const appointment of listed) await commit((tx) => recordAppointment(tx, { connection, appointment, origin: 'vendor' }, isNews));
      if (!isNews) return commit((tx) => setBaseline(tx, 'booking', connection));
      if (listed.length > mostListed) return;
      const there = new Set(listed.map(({ appointmentId }) => appointmentId));
      const horizon = new Date(now() + days * 86_400_000);
      for (const id of await comingKnown(db, connection, new Date(now()), horizon)) {
        if (there.has(id)) continue;
        const appointment = await adapter.getAppointment(id, signal);
        await commit((tx) =>
          appointment === null ? recordGone(tx, connection, id) : recordAppointment(tx, { connection, appointment, origin: 'vendor' }),
        );
      }
    }
    return loop(`reconcile_${connection}`, { idleMs: everyMs, only: `crm_reconcile_${connection}` }, async (signal) => {
      try {
        await compare(AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]));
      } catch (thrown) {
        signal.throwIfAborted();
        const { code, reason } = toPolybError(thrown);
        // An adapter that cannot list says so each time; its appointments are known from deliveries alone.
        if (reason !== 'unsupported') log.warn({ connection, code, reason }, 'appointments could not be compared');
      }
      return 'idle';
    });
  });
}
