/** Free slots of a month at the built-in calendar beside a bare select of the appointments that they avoid, turn about on one connection. */
import { postgresBooking } from '../adapters/booking/postgres.ts';
import { openStore } from '../adapters/store/index.ts';
import { Company } from '../contracts/company.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';

const employees = 10;
const appointments = 2_000;
const days = 30;
/** A Monday. */
const from = '2026-12-07';
const now = Date.parse('2026-12-06T06:00:00Z');

export interface SlotFigures {
  readonly slots: number;
  readonly appointments: number;
  readonly slotsP95Ms: number;
  readonly selectP95Ms: number;
  /** Goal: at most 10. */
  readonly p95Ratio: number;
}

export async function benchSlots({ rounds = 200 }: { rounds?: number } = {}): Promise<readonly SlotFigures[]> {
  const server = await startPostgres({ dir: temporaryDir(), durable: true, temporary: true });
  try {
    const url = Object.assign(new URL(server.url), { pathname: '/bench' }).href;
    await migrate({ url });
    const store = openStore({ url, name: 'bench', log: quiet, connections: 1 });
    try {
      const booking = postgresBooking({ db: store, now: () => now });
      await booking.company?.set(company());
      await store.query(
        `with somebody as (insert into crm_connector.contacts (first_name) values ('Guest') returning contact_id)
         insert into crm_connector.appointments (client_id, service_ids, employee_id, starts_at, minutes, busy)
         select contact_id, '{haircut}', 'employee-' || nth % $1, at, 60, tstzrange(at, at + interval '1 hour')
         from somebody, (select nth, $3::timestamptz + nth / $1 % $4 * interval '1 day' + nth / ($1 * $4) * interval '90 minutes' as at
           from generate_series(0, $2 - 1) nth) placed`,
        [employees, appointments, `${from}T09:00:00+03:00`, days],
      );
      await store.query('analyze crm_connector.appointments');
      const { signal } = new AbortController();
      const slots = () => booking.getFreeSlots({ serviceIds: ['haircut'], from, days }, signal);
      const select = () =>
        store.query(
          `select appointment_id, client_id, service_ids, employee_id, starts_at, minutes, status, comment
           from crm_connector.appointments where starts_at >= $1 and starts_at < $1::timestamptz + $2 * interval '1 day'`,
          [`${from}T00:00:00+03:00`, days],
        );
      const took = { slots: [] as number[], select: [] as number[] };
      for (let round = -20; round < rounds; round += 1)
        for (const [name, ask] of [
          ['slots', slots],
          ['select', select],
        ] as const) {
          const began = performance.now();
          await ask();
          if (round >= 0) took[name].push(performance.now() - began);
        }
      const [slotsP95Ms, selectP95Ms] = [p95(took.slots), p95(took.select)];
      return [
        {
          slots: (await slots()).length,
          appointments: (await select()).length,
          slotsP95Ms,
          selectP95Ms,
          p95Ratio: rounded(slotsP95Ms / selectP95Ms),
        },
      ];
    } finally {
      await store.close();
    }
  } finally {
    await server.stop();
  }
}

function company() {
  const hours = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from: '09:00', to: '21:00' }));
  return Company.parse({
    name: 'Salon',
    timeZone: 'Europe/Moscow',
    stepMinutes: 30,
    services: [{ serviceId: 'haircut', name: 'Haircut', durationMinutes: 60 }],
    employees: Array.from({ length: employees }, (_, nth) => ({
      employeeId: `employee-${nth}`,
      name: `Employee ${nth}`,
      serviceIds: ['haircut'],
      hours,
    })),
  });
}
const rounded = (value: number): number => Number(value.toFixed(2));
function p95(values: readonly number[]): number {
  return rounded(values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN);
}
