import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { BusHost } from '../../bus/bus.ts';
import { booking } from '../../contracts/booking.ts';
import { crm } from '../../contracts/crm.ts';
import type { InputOf, Method, OutputOf } from '../../contracts/kit/define.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { Child } from './child.ts';
import { eventually, linesOf, openGround } from './ground.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { type VendorFakes, type VendorName, vendorFakes, vendorNames } from './vendor-fakes.ts';
import type { VendorWorkerSetup } from './vendor-worker.ts';

const processes = 3;
const Effect = z.looseObject({ did: z.string(), entity: z.string() });

export const vendorStorm: FaultTest = {
  id: 'VENDORS',
  title: 'contacts, leads, calls and appointments at seven vendors while connectors are killed and answers are lost',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const [items, kills, patienceMs] = full ? [60, 400, 3_000_000] : control ? [3, 4, 40_000] : [6, 20, 180_000];
    await using ground = await openGround(options);
    await using vendors = await vendorFakes(ground.dir);
    const setup: z.input<typeof VendorWorkerSetup> = {
      natsUrl: ground.natsUrl,
      databaseUrl: ground.databaseUrl,
      settings: vendors.settings,
      allowPrivate: Object.values(vendors.fakes).map(({ url }) => url),
      isBlind: control,
    };
    const start = (): Promise<Child> => ground.start({ file: './vendor-worker.ts', args: [JSON.stringify(setup)] });
    const running = await Promise.all(Array.from({ length: processes }, start));
    const bus = await ground.client();

    const slots = new Map<VendorName, readonly string[]>();
    for (const name of vendorNames) slots.set(name, await slotsOf(bus, name));
    const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const run = (name: VendorName, nth: number) => sequences({ bus, name, nth, slots: slots.get(name) ?? [], signal: patience });
    // What one person makes of each kind when nothing goes wrong.
    await Promise.all(vendorNames.map((name) => run(name, 0)));
    const expected = new Map(vendorNames.map((name) => [name, madeFor(vendors, name, 0)]));

    for (const fake of Object.values(vendors.fakes)) {
      fake.order({ do: 'cut', executes: true, share: 0.04, times: 1_000_000 });
      fake.order({ do: 'hang', executes: true, share: 0.01, times: 1_000_000 });
      fake.order({ do: 'slow', ms: 200, share: 0.3, times: 1_000_000 });
    }
    const restarts: Promise<void>[] = [];
    let killed = 0;
    const striking = (async () => {
      for (; killed < kills; killed += 1) {
        await delay(random.int(300, 2_000), undefined, { signal });
        const at = random.int(0, processes - 1);
        await eventually(() => running[at]?.alive === true, 30_000, signal);
        const victim = running[at];
        victim?.kill('SIGKILL');
        await victim?.exited;
        restarts.push(
          start().then((child) => {
            running[at] = child;
          }),
        );
      }
    })();
    const ends = await Promise.all(
      vendorNames.flatMap((name) =>
        Array.from({ length: items }, async (_, nth) => {
          await eventually(() => killed >= (nth / items) * kills, patienceMs, signal);
          return { name, nth: nth + 1, ended: await run(name, nth + 1) };
        }),
      ),
    );
    await striking;
    await Promise.all(restarts);

    const counts = { kills, runs: ends.length, completed: 0, givenUp: 0, made: 0, duplicated: 0, lost: 0, stuck: 0, reviews: 0, failed: 0 };
    for (const { name, nth, ended } of ends) {
      const found = madeFor(vendors, name, nth);
      for (const [what, times] of expected.get(name) ?? []) {
        const here = found.get(what) ?? 0;
        counts.made += here;
        counts.duplicated += Math.max(0, here - times);
        if (ended === 'completed') counts.lost += Math.max(0, times - here);
        if (here > times) log(`${name} ${nth}: ${what} ${here} times instead of ${times}`);
      }
      if (ended === 'completed') counts.completed += 1;
      else if (ended === 'given up') counts.givenUp += 1;
      else log(`${name} ${nth}: ${ended}`);
    }
    const states = await ground.store.query<{ state: string; method: string; said: string; count: number }>(
      `select state, method, concat_ws(' ', error->>'code', error->>'reason', error->>'detail') as said, count(*)::int from journal.rows
       where state <> 'done' group by 1, 2, 3 order by 4 desc`,
    );
    for (const row of states.slice(0, 12)) log(JSON.stringify(row));
    for (const { state, count } of states) {
      if (state === 'failed') counts.failed += count;
      else if (state === 'review') counts.reviews += count;
      else counts.stuck += count;
    }
    const harm = control
      ? counts.duplicated
      : counts.duplicated + counts.lost + counts.stuck + (counts.runs - counts.completed - counts.givenUp);
    return { ok: harm === 0, harm, ...counts };
  },
};

const markerOf = (name: VendorName, nth: number, side: 'crm' | 'booking'): string =>
  `99${side === 'crm' ? 1 : 2}${vendorNames.indexOf(name)}${String(nth).padStart(6, '0')}`;

/** How often each kind of record was created for a person, whose phone or name is in all of them. */
function madeFor({ effectsOf }: VendorFakes, name: VendorName, nth: number): ReadonlyMap<string, number> {
  const made = new Map<string, number>();
  for (const side of ['crm', 'booking'] as const) {
    const marker = markerOf(name, nth, side);
    for (const line of linesOf(effectsOf(name)).filter((each) => each.includes(marker))) {
      const { did, entity } = Effect.parse(JSON.parse(line));
      if (/update|cancel|delete|move/.test(did)) continue;
      const what = `${side} ${did} ${entity}`;
      made.set(what, (made.get(what) ?? 0) + 1);
    }
  }
  return made;
}

/** Slots that do not overlap. */
async function slotsOf(bus: BusHost, connection: VendorName): Promise<readonly string[]> {
  const { services } = await bus.call(booking.list_services, { connection });
  const serviceIds = services.slice(0, 1).map(({ serviceId }) => serviceId);
  const { slots } = await bus.call(booking.get_free_slots, { connection, serviceIds, days: 31, limit: 1_000 }, { timeoutMs: 20_000 });
  const apart: (typeof slots)[number][] = [];
  for (const slot of slots) {
    const last = apart.at(-1);
    if (last === undefined || Date.parse(slot.start) >= Date.parse(last.start) + 2 * last.durationMinutes * 60_000) apart.push(slot);
  }
  return apart.map(({ slotId }) => slotId);
}

interface At {
  readonly bus: BusHost;
  readonly name: VendorName;
  readonly nth: number;
  readonly slots: readonly string[];
  readonly signal: AbortSignal;
}
/** A contact with a lead and a call, and an appointment that is moved and cancelled; each call is repeated under its key until it ends. */
async function sequences(at: At): Promise<string> {
  const both = [...(at.name === 'easyweek' ? [] : [contactOf(at)]), appointmentOf(at)];
  const ends = await Promise.all(
    both.map((each) => each.catch((thrown: unknown) => (thrown instanceof GivenUp ? 'given up' : String(thrown)))),
  );
  return ends.find((end) => end !== 'completed' && end !== 'given up') ?? ends.find((end) => end === 'given up') ?? 'completed';
}
const hasLeads = (name: VendorName): boolean => name !== 'yclients' && name !== 'altegio';
async function contactOf({ bus, name: connection, nth, signal }: At): Promise<string> {
  const marker = markerOf(connection, nth, 'crm');
  const phoneNumber = `+7${marker}`;
  const person = { connection, firstName: 'Иван', lastName: `Иванов ${marker}`, phoneNumber };
  const keyOf = (what: string): string => `${what} ${connection} ${nth}`;
  const { contactId } = await until(bus, crm.create_contact, person, keyOf('contact'), signal);
  const about = hasLeads(connection)
    ? { kind: 'lead' as const, id: (await until(bus, crm.create_lead, { ...person, contactId }, keyOf('lead'), signal)).leadId }
    : { kind: 'contact' as const, id: contactId };
  const call = { callId: `call-${marker}`, outcome: 'answered' as const, startedAt: new Date().toISOString(), durationMs: 61_000 };
  await until(bus, crm.log_call, { connection, about, contactId, phoneNumber, ...call }, keyOf('call'), signal);
  return 'completed';
}
async function appointmentOf({ bus, name: connection, nth, slots, signal }: At): Promise<string> {
  const marker = markerOf(connection, nth, 'booking');
  const client = { name: `Гость ${marker}`, phoneNumber: `+7${marker}`, email: `guest${marker}@example.com` };
  const [slotId = '', otherSlotId = ''] = slots.slice(2 * nth);
  const keyOf = (what: string): string => `${what} ${connection} ${nth}`;
  const booked = await until(bus, booking.create_appointment, { slotId, client, comment: `visit ${marker}` }, keyOf('book'), signal);
  const { appointmentId, clientId } = booked.appointment;
  if (clientId === null) return 'no client';
  const moved = await until(bus, booking.reschedule_appointment, { appointmentId, clientId, slotId: otherSlotId }, keyOf('move'), signal);
  const at = { connection, appointmentId: moved.appointment.appointmentId, clientId };
  await until(bus, booking.cancel_appointment, at, keyOf('cancel'), signal);
  return 'completed';
}

/** The journal gives a row to a person when four processes in a row died with it. */
class GivenUp extends Error {}

/** Repeats the call under its key until it succeeds. @throws GivenUp; Error with the last failure when the patience is over. */
async function until<M extends Method>(bus: BusHost, method: M, input: InputOf<M>, key: string, signal: AbortSignal): Promise<OutputOf<M>> {
  let last = 'never called';
  while (!signal.aborted) {
    try {
      return await bus.call(method, input, { key, signal, timeoutMs: 5_000 });
    } catch (thrown) {
      if (!isPolybError(thrown)) throw thrown;
      if (thrown.reason === 'holder_gone') throw new GivenUp();
      last = `${method.address} ${thrown.code} ${thrown.reason ?? ''}: ${thrown.message}`;
    }
    await delay(200, undefined, { signal }).catch(() => {}); // The loop sees it.
  }
  throw new Error(last);
}
