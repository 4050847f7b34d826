/** The built-in booking calendar: tables of crm-connector. Used when no other booking system is configured. */

import { Company } from '../../contracts/company.ts';
import { lookUp } from '../../contracts/kit/define.ts';
import { postgresCrm } from '../crm/postgres.ts';
import type { Database } from '../deps.ts';
import { clientFrom } from './contact-client.ts';
import { type AppointmentRow, ownCalendar } from './own-calendar.ts';
import type { Appointment, Booking } from './port.ts';
import type { Interval } from './schedule.ts';

interface Row {
  readonly appointment_id: string;
  readonly client_id: string;
  readonly client_name: string | null;
  readonly phone: string | null;
  readonly service_ids: string[];
  readonly employee_id: string;
  readonly starts_at: Date;
  readonly minutes: number;
  readonly status: Appointment['status'];
  readonly comment: string | null;
}
/** `a` is the appointment. */
const columns = `a.appointment_id, a.client_id, a.service_ids, a.employee_id, a.starts_at, a.minutes, a.status, a.comment,
  (select nullif(concat_ws(' ', c.first_name, c.last_name), '') from crm_connector.contacts c where c.contact_id = a.client_id) as client_name,
  (select p.phone from crm_connector.contact_phones p where p.contact_id = a.client_id order by p.nth, p.phone limit 1) as phone`;
const select = `select ${columns} from crm_connector.appointments a`;
/** Appointments of one employee are written one after the other: many checks of an exclusion constraint at once end in a deadlock. */
const turnOf = (employeeId: string): string =>
  `select pg_advisory_xact_lock(hashtextextended('polyb appointments of ' || ${employeeId}, 0))`;
/** `exclusion_violation`: the constraint `appointments_apart` refused the row. */
const excluded = '23P01';
/** `foreign_key_violation`: there is no such contact. */
const noContact = '23503';

export function postgresBooking({ db, now }: { readonly db: Database; readonly now: () => number }): Booking {
  const crm = postgresCrm({ db });
  const one = async (text: string, values: readonly unknown[]): Promise<AppointmentRow | null> => {
    const [row] = await db.query<Row>(text, values);
    return row === undefined ? null : rowOf(row);
  };
  return ownCalendar(
    'postgres',
    {
      company: {
        async get() {
          const [row] = await db.query<{ readonly document: unknown }>('select document from crm_connector.company');
          return row === undefined ? null : Company.parse(row.document);
        },
        async set(company) {
          await db.query(
            `insert into crm_connector.company (document) values ($1::jsonb)
             on conflict (only_row) do update set document = excluded.document, updated_at = now()`,
            [JSON.stringify(company)],
          );
        },
      },
      async busy({ from, to }, employeeIds) {
        const rows = await db.query<{ readonly employee_id: string; readonly from_ms: number; readonly to_ms: number }>(
          `select employee_id, (extract(epoch from lower(busy)) * 1000)::float8 as from_ms, (extract(epoch from upper(busy)) * 1000)::float8 as to_ms
           from crm_connector.appointments
           where employee_id = any ($1) and busy && tstzrange($2, $3) and status <> 'cancelled'`,
          [employeeIds, new Date(from), new Date(to)],
        );
        const busy = new Map<string, Interval[]>(employeeIds.map((id) => [id, []]));
        for (const { employee_id, from_ms, to_ms } of rows) busy.get(employee_id)?.push({ from: from_ms, to: to_ms });
        return busy;
      },
      get: (appointmentId) => one(`${select} where a.appointment_id = $1`, [appointmentId]),
      byRef: (ref) => one(`${select} where a.ref = $1`, [ref]),
      async list({ from, to }, clientId) {
        const rows = await db.query<Row>(
          `${select} where a.starts_at >= $1 and a.starts_at < $2 and ($3::text is null or a.client_id = $3)
           order by a.starts_at, a.appointment_id limit 501`,
          [new Date(from), new Date(to), clientId],
        );
        return rows.map(rowOf);
      },
      async insert({ ref, clientId, serviceIds, employeeId, start, durationMinutes, bufferMinutes, comment }) {
        try {
          const made = await one(
            `with turn as materialized (${turnOf('$4')}), a as (
               insert into crm_connector.appointments (ref, client_id, service_ids, employee_id, starts_at, minutes, busy, comment)
               select $1, $2, $3::text[], $4, $5::timestamptz, $6::integer,
                 tstzrange($5::timestamptz, $5::timestamptz + make_interval(mins => $6::integer + $7::integer)), $8 from turn
               on conflict (ref) do nothing returning *)
             select ${columns} from a`,
            [ref, clientId, serviceIds, employeeId, new Date(start), durationMinutes, bufferMinutes, comment],
          );
          return made ?? ((await one(`${select} where a.ref = $1`, [ref])) as AppointmentRow); // The row that was in the way.
        } catch (thrown) {
          const code = sqlState(thrown);
          if (code === excluded) return 'busy';
          if (code === noContact) return 'no_client';
          throw thrown;
        }
      },
      async move(appointmentId, { employeeId, start, durationMinutes, bufferMinutes, serviceIds }) {
        try {
          return await one(
            `with turn as materialized (${turnOf('$2')}), a as (
               update crm_connector.appointments set employee_id = $2, starts_at = $3, minutes = $4, service_ids = $6, updated_at = now(),
                 busy = tstzrange($3, $3::timestamptz + make_interval(mins => $4::integer + $5::integer))
               from turn where appointment_id = $1 and status <> 'cancelled' returning appointments.*)
             select ${columns} from a`,
            [appointmentId, employeeId, new Date(start), durationMinutes, bufferMinutes, serviceIds],
          );
        } catch (thrown) {
          if (sqlState(thrown) === excluded) return 'busy';
          throw thrown;
        }
      },
      cancel: (appointmentId) =>
        one(
          `with a as (update crm_connector.appointments set status = 'cancelled', updated_at = now() where appointment_id = $1 returning *)
           select ${columns} from a`,
          [appointmentId],
        ),
      async findClients(phoneNumber) {
        return (await crm.findContacts(phoneNumber, AbortSignal.timeout(10_000))).map(clientFrom);
      },
      createClient: {
        async attempt({ name, phoneNumber, email }, at) {
          const { contactId } = await crm.createContact.attempt({ firstName: name, phoneNumber, email }, at);
          return { clientId: contactId, created: true };
        },
        onUnknown: lookUp(0, async ({ ref }) => {
          const [row] = await db.query<{ readonly contact_id: string }>('select contact_id from crm_connector.contacts where ref = $1', [
            ref,
          ]);
          return row === undefined ? null : { clientId: row.contact_id, created: true };
        }),
      },
    },
    now,
  );
}

function rowOf(row: Row): AppointmentRow {
  return {
    appointmentId: row.appointment_id,
    clientId: row.client_id,
    clientName: row.client_name,
    phoneNumber: row.phone,
    serviceIds: row.service_ids,
    employeeId: row.employee_id,
    start: row.starts_at.getTime(),
    durationMinutes: row.minutes,
    status: row.status,
    comment: row.comment,
  };
}

/** The SQLSTATE of an error of PostgreSQL. */
function sqlState(thrown: unknown): string | undefined {
  return Error.isError(thrown) ? (thrown as { code?: string }).code : undefined;
}
