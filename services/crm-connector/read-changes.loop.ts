/** Reads records again that providers say have changed, and reports what is new. */
import type { Booking } from '../../adapters/booking/port.ts';
import type { Crm } from '../../adapters/crm/port.ts';
import type { ChangedEntity, RecordState } from '../../adapters/crm-webhook.ts';
import { type Commit, type Connections, type Database, type Log, type Loop, loop, type Tx } from '../../bus/service.ts';
import { crm as contract } from '../../contracts/crm.ts';
import { canonical } from '../../contracts/kit/canonical.ts';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { type KnownAppointment, recordAppointment } from './record-appointment.ts';
import { dueIncoming, endIncoming, type Incoming, retryIncoming } from './rows/incoming.ts';
import { lockKnown, putKnown } from './rows/known.ts';

const atOnce = 20;
const lookEveryMs = 500;
const patienceMs = 20_000;
/** A record that we wrote is reported as changed by the provider up to this much later. */
const echoMs = 10_000;
/** Of an event; a CRM's own status may be longer. */
const longestStatus = 64;

export interface ChangesParts {
  readonly crm: Connections<Crm>;
  readonly booking: Connections<Booking>;
  readonly db: Database;
  readonly commit: Commit;
  readonly log: Log;
}
export function readChanges({ crm, booking, db, commit, log }: ChangesParts): Loop {
  async function readAgain(incoming: Incoming, signal: AbortSignal): Promise<void> {
    const { kind, connection, entity, id } = incoming;
    // Nobody can read a record of a connection that the settings no longer name: that proves nothing about it.
    const [calendar, contacts] = [booking.get(connection), crm.get(connection)];
    if ((kind === 'booking' ? calendar : contacts?.readRecord) === undefined) return commit((tx) => endIncoming(tx, incoming));
    if (kind === 'booking') {
      const appointment = (await calendar?.getAppointment(id, signal)) ?? null;
      await commit(async (tx) => {
        if (appointment !== null) await recordAppointment(tx, { connection, appointment, origin: 'vendor' });
        else await recordGone(tx, connection, id);
        await endIncoming(tx, incoming);
      });
      return;
    }
    const record = entity === 'appointment' ? null : ((await contacts?.readRecord?.(entity, id, signal)) ?? null);
    await commit(async (tx) => {
      await recordChange(tx, incoming, record);
      await endIncoming(tx, incoming);
    });
  }
  return loop('read_changes', { idleMs: lookEveryMs, only: 'crm_changes' }, async (signal) => {
    const due = await dueIncoming(db, atOnce);
    for (const incoming of due) {
      try {
        await readAgain(incoming, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]));
      } catch (thrown) {
        signal.throwIfAborted();
        const { code, reason } = toPolybError(thrown);
        log.warn(
          { kind: incoming.kind, connection: incoming.connection, entity: incoming.entity, code, reason },
          'a changed record could not be read yet',
        );
        await retryIncoming(db, incoming);
      }
    }
    return due.length === atOnce ? 'more' : 'idle';
  });
}

const events = {
  contact: contract.contact_changed,
  lead: contract.lead_changed,
  deal: contract.deal_changed,
  task: contract.task_changed,
} as const satisfies Partial<Record<ChangedEntity, unknown>>;

async function recordChange(tx: Tx, { connection, entity, id, change }: Incoming, record: RecordState | null): Promise<void> {
  if (entity === 'appointment') return;
  const key = { kind: 'crm', connection, entity, id } as const;
  const known = await lockKnown(tx, key);
  const state = record ?? { changedAt: null, status: null, isGone: true };
  if (known !== null && canonical(known.state) === canonical(state)) return;
  await putKnown(tx, key, { state, isOver: record === null });
  const isEcho = record !== null && known?.writtenAt != null && (record.changedAt ?? Date.now()) <= known.writtenAt.getTime() + echoMs;
  if (isEcho || (record === null && known?.isOver)) return;
  const what = record === null ? 'deleted' : change === 'deleted' ? 'updated' : change;
  tx.emit(events[entity], { connection, id, change: what, status: record?.status?.slice(0, longestStatus) ?? null });
}

/** An appointment that the system no longer has counts as cancelled if it was known. */
export async function recordGone(tx: Tx, connection: string, appointmentId: string): Promise<void> {
  const key = { kind: 'booking', connection, entity: 'appointment', id: appointmentId } as const;
  const known = await lockKnown(tx, key);
  if (known === null || known.isOver) return;
  const appointment = {
    ...(known.state as KnownAppointment), // `recordAppointment` wrote it.
    appointmentId,
    clientName: null,
    phoneNumber: null,
    employeeName: null,
    status: 'cancelled',
    comment: null,
  } as const;
  await recordAppointment(tx, { connection, origin: 'vendor', appointment });
}
