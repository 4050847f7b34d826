/** Tests that every booking adapter must pass; each adapter's test calls them with its own system. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { booking as contract } from '../../contracts/booking.ts';
import { type Appointment, type AppointmentEffect, type Booking, everything, type FreeSlot } from './port.ts';

export interface BookingUnderTest {
  readonly booking: Booking;
  /** A day from which the next week has at least twelve free slots of the service, all of which can be booked one beside another. */
  readonly from: string;
  readonly serviceId: string;
  /** Creates a client as staff would, with phones spelt as given, and returns its id. */
  addClient(client: { readonly name: string; readonly phones: readonly string[] }): Promise<string>;
  /** Books the slot past this system, as somebody at the vendor would. */
  occupy(slot: FreeSlot): Promise<void>;
  stop(): Promise<void>;
}

/** @param lacks methods of the contract that the system does not support; the suite checks that they are refused as such. */
export function bookingConformance(
  name: string,
  setup: () => Promise<BookingUnderTest>,
  { lacks = [] }: { readonly lacks?: readonly (keyof typeof everything)[] } = {},
): void {
  describe(name, () => {
    let it: BookingUnderTest;
    let booking: Booking;
    beforeAll(async () => {
      it = await setup();
      booking = it.booking;
    });
    afterAll(() => it.stop());

    const { signal } = new AbortController();
    let made = 0;
    /** A person whom no other test has used. */
    const fresh = () => {
      made += 1;
      return {
        ref: `${name.replace(/\W/g, '')}-ref-${made}`,
        phoneNumber: `+7999111${String(made).padStart(4, '0')}`,
        name: `Client${'abcdefghij'[made % 10]}${made}`,
      };
    };
    const week = () => ({ from: it.from, days: 7 });
    const freeSlots = () => booking.getFreeSlots({ ...week(), serviceIds: [it.serviceId] }, signal);
    /** The `nth` free slot that does not overlap the ones before. */
    async function freeSlot(nth = 0): Promise<FreeSlot> {
      const apart: FreeSlot[] = [];
      for (const slot of await freeSlots()) {
        const last = apart.at(-1);
        if (last === undefined || Date.parse(slot.start) >= Date.parse(last.start) + 2 * last.durationMinutes * 60_000) apart.push(slot);
      }
      const slot = apart[nth];
      if (slot === undefined) throw new Error('no free slot is left for this test');
      return slot;
    }
    const isOffered = async ({ start, employeeId }: FreeSlot) =>
      (await freeSlots()).some((each) => Date.parse(each.start) === Date.parse(start) && each.employeeId === employeeId);
    async function client() {
      const { name: clientName, phoneNumber, ref } = fresh();
      const clientId = await it.addClient({ name: clientName, phones: [phoneNumber] });
      return { ref, clientId, client: { name: clientName, phoneNumber } };
    }
    /** Books as the journal would, and validates the output against the contract. */
    async function book(slot: FreeSlot, of?: Awaited<ReturnType<typeof client>>): Promise<Appointment & { readonly clientId: string }> {
      const { ref, clientId, client: person } = of ?? (await client());
      const appointment = await booking.bookSlot.attempt({ slot, clientId, client: person, comment: 'Окно' }, { ref, signal });
      expect(contract.get_appointment.output.parse({ appointment }).appointment).toEqual(appointment);
      return { ...appointment, clientId: appointment.clientId ?? clientId };
    }
    const found = async <I>({ onUnknown }: AppointmentEffect<I>, input: I, ref: string) => {
      if (onUnknown.do !== 'look_up') return 'review';
      return onUnknown.find({ ref, input, attemptedAt: Date.now() }, signal);
    };
    const startOf = (appointment: Appointment | null) => (appointment === null ? null : Date.parse(appointment.start));
    const offered = (method: keyof typeof everything): ((title: string, run: () => Promise<void>) => void) =>
      lacks.includes(method) ? (title) => test.skip(`${title} (not offered)`, () => {}) : (title, run) => test(title, run);
    const refusal = { code: 'unimplemented', reason: 'unsupported' };

    offered('list_services')('lists services and employees as the contract says', async () => {
      const services = await booking.listServices({}, signal);
      expect(contract.list_services.output.parse({ services }).services).toEqual(services);
      expect(services.map(({ serviceId }) => serviceId)).toContain(it.serviceId);
    });
    offered('list_employees')('lists the employees who provide a service', async () => {
      const employees = await booking.listEmployees({ serviceId: it.serviceId }, signal);
      expect(contract.list_employees.output.parse({ employees }).employees).toEqual(employees);
      expect(employees.length).toBeGreaterThan(0);
    });

    offered('get_free_slots')('offers slots of the asked days, earliest first, with the offset of the location', async () => {
      const slots = await freeSlots();
      const shown = slots.slice(0, 1000).map(({ value: _, ...slot }) => ({ ...slot, slotId: 'id' }));
      const timeZone = await booking.timeZone(signal);
      expect(contract.get_free_slots.output.parse({ slots: shown, timeZone, isComplete: true }).slots).toEqual(shown);
      expect(slots.length).toBeGreaterThanOrEqual(12);
      const starts = slots.map(({ start }) => Date.parse(start));
      expect(starts).toEqual(starts.toSorted((a, b) => a - b));
      const dayIn = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
      // The clock time of the text is that of the location, so its offset is right.
      for (const { start } of slots) expect(dayIn.format(Date.parse(start)).replace(' ', 'T')).toBe(start.slice(0, 19));
      for (const { start } of slots) expect(start >= it.from).toBe(true);
      for (const { value } of slots) expect((value ?? '').length).toBeLessThanOrEqual(60);
    });
    offered('get_free_slots')('offers no slot of an unknown service', async () => {
      const asked = booking.getFreeSlots({ ...week(), serviceIds: ['987654321'] }, signal);
      await expect(asked).rejects.toMatchObject({ code: 'not_found', reason: 'unknown_service' });
    });

    offered('find_client')('finds a client by phone, and nobody by a number that only ends alike', async () => {
      const { clientId, client: person } = await client();
      const clients = await booking.findClients(person.phoneNumber, signal);
      expect(contract.find_client.output.parse({ clients, isAmbiguous: false }).clients).toEqual(clients);
      expect(clients.map((each) => each.clientId)).toEqual([clientId]);
      expect(await booking.findClients(fresh().phoneNumber, signal)).toEqual([]);
      expect(await booking.findClients(person.phoneNumber.replace('+7', '+44'), signal)).toEqual([]);
    });
    offered('create_client')('creates a client that is found by phone and by the reference of the attempt', async () => {
      const { ref, ...person } = fresh();
      const { onUnknown } = booking.createClient;
      const find = (of: string) =>
        onUnknown.do === 'look_up' ? onUnknown.find({ ref: of, input: person, attemptedAt: Date.now() }, signal) : undefined;
      if (onUnknown.do === 'look_up') expect(await find(ref)).toBeNull();
      const output = await booking.createClient.attempt(person, { ref, signal });
      expect(contract.create_client.output.parse(output)).toEqual(output);
      // An emulated client exists from its first booking on.
      if (booking.capabilities().methods.create_client === 'emulated') return;
      if (onUnknown.do === 'look_up') expect(await find(ref)).toMatchObject({ clientId: output.clientId });
      expect((await booking.findClients(person.phoneNumber, signal)).map(({ clientId }) => clientId)).toEqual([output.clientId]);
    });

    offered('create_appointment')('books a slot, which is not free any more, and reads the appointment back', async () => {
      const slot = await freeSlot();
      const before = await client();
      const { appointmentId, clientId, status } = await book(slot, before);
      expect(['booked', 'confirmed']).toContain(status);
      expect(await isOffered(slot)).toBe(false);
      const read = await booking.getAppointment(appointmentId, signal);
      expect(read).toMatchObject({ appointmentId, clientId, durationMinutes: slot.durationMinutes });
      expect(startOf(read)).toBe(Date.parse(slot.start));
      for (const query of [{ ...week(), clientId }, week()])
        expect((await booking.listAppointments(query, signal)).map((each) => each.appointmentId)).toContain(appointmentId);
      const others = await booking.listAppointments({ ...week(), clientId: (await client()).clientId }, signal);
      expect(others).toEqual([]);
    });
    offered('get_appointment')('knows no appointment that was never made', async () => {
      expect(await booking.getAppointment('987654321', signal)).toBeNull();
    });
    offered('create_appointment')('refuses a slot that somebody took at the vendor meanwhile, and has done nothing', async () => {
      const slot = await freeSlot();
      await it.occupy(slot);
      const { clientId, ref, client: person } = await client();
      const input = { slot, clientId, client: person, comment: undefined };
      const booked = booking.bookSlot.attempt(input, { ref, signal });
      await expect(booked).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy' });
      expect(await booking.listAppointments({ ...week(), clientId }, signal)).toEqual([]);
      expect([null, 'review']).toContainEqual(await found(booking.bookSlot, input, ref));
    });
    offered('create_appointment')('gives one slot to one of two clients', async () => {
      const slot = await freeSlot();
      const [one, other] = [await client(), await client()];
      await book(slot, one);
      await expect(book(slot, other)).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy' });
    });
    offered('create_appointment')('finds the appointment after a lost answer, and none before', async () => {
      const slot = await freeSlot();
      const { clientId, ref, client: person } = await client();
      const input = { slot, clientId, client: person, comment: undefined };
      const before = await found(booking.bookSlot, input, ref);
      if (before === 'review') return;
      expect(before).toBeNull();
      const { appointmentId } = await booking.bookSlot.attempt(input, { ref, signal });
      expect(await found(booking.bookSlot, input, ref)).toMatchObject({ appointmentId });
    });

    offered('reschedule_appointment')('moves an appointment: the old time is free again, the new one is not', async () => {
      const [slot, later] = [await freeSlot(0), await freeSlot(1)];
      const { appointmentId, clientId } = await book(slot);
      const input = { appointmentId, slot: later };
      const before = await found(booking.moveToSlot, input, 'move');
      expect([null, 'review']).toContainEqual(before);
      const moved = await booking.moveToSlot.attempt(input, { ref: fresh().ref, signal });
      expect(startOf(moved)).toBe(Date.parse(later.start));
      if (before !== 'review')
        expect(startOf((await found(booking.moveToSlot, input, 'move')) as Appointment)).toBe(Date.parse(later.start));
      expect([await isOffered(slot), await isOffered(later)]).toEqual([true, false]);
      expect(startOf(await booking.getAppointment(moved.appointmentId, signal))).toBe(Date.parse(later.start));
      const active = (await booking.listAppointments({ ...week(), clientId }, signal)).filter(({ status }) => status !== 'cancelled');
      expect(active.map((each) => each.appointmentId)).toEqual([moved.appointmentId]);
    });
    offered('reschedule_appointment')('does not move an appointment to a slot that is taken', async () => {
      const [slot, taken] = [await freeSlot(0), await freeSlot(1)];
      const { appointmentId } = await book(slot);
      await it.occupy(taken);
      const moved = booking.moveToSlot.attempt({ appointmentId, slot: taken }, { ref: fresh().ref, signal });
      await expect(moved).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy' });
      expect(startOf(await booking.getAppointment(appointmentId, signal))).toBe(Date.parse(slot.start));
    });

    offered('cancel_appointment')('cancels an appointment, and its time is free again', async () => {
      const slot = await freeSlot();
      const { appointmentId, clientId } = await book(slot);
      const input = { appointmentId, reason: 'не сможет' };
      expect([null, 'review']).toContainEqual(await found(booking.releaseSlot, input, 'release'));
      const { status } = await booking.releaseSlot.attempt(input, { ref: fresh().ref, signal });
      expect(status).toBe('cancelled');
      expect(await found(booking.releaseSlot, input, 'release')).not.toBeNull();
      expect(await isOffered(slot)).toBe(true);
      const left = await booking.listAppointments({ ...week(), clientId }, signal);
      expect(left.filter((each) => each.status !== 'cancelled')).toEqual([]);
      expect((await booking.getAppointment(appointmentId, signal))?.status ?? 'cancelled').toBe('cancelled');
    });
    offered('cancel_appointment')('says that there is nothing to move or cancel', async () => {
      const slot = await freeSlot();
      const at = { ref: fresh().ref, signal };
      const nothing = { code: 'not_found', reason: 'no_appointment' };
      await expect(booking.releaseSlot.attempt({ appointmentId: '987654321', reason: undefined }, at)).rejects.toMatchObject(nothing);
      if (!lacks.includes('reschedule_appointment'))
        await expect(booking.moveToSlot.attempt({ appointmentId: '987654321', slot }, at)).rejects.toMatchObject(nothing);
    });

    test('says of every method whether it is offered, and refuses the others', async () => {
      const { methods } = contract.capabilities.output.parse(booking.capabilities());
      expect(Object.keys(methods).sort()).toEqual(Object.keys(everything).sort());
      const missing = Object.entries(methods).flatMap(([method, support]) => (support === 'unsupported' ? [method] : []));
      expect(missing.sort()).toEqual([...lacks].sort());
      const slot = { serviceIds: ['1'], employeeId: '1', start: `${it.from}T12:00:00Z`, durationMinutes: 60, value: null };
      const at = { ref: 'none', signal };
      const asked: Partial<Record<keyof typeof everything, () => Promise<unknown>>> = {
        list_services: () => booking.listServices({}, signal),
        list_employees: () => booking.listEmployees({}, signal),
        get_free_slots: () => booking.getFreeSlots({ ...week(), serviceIds: ['1'] }, signal),
        find_client: () => booking.findClients('+79995553322', signal),
        create_client: () => booking.createClient.attempt({ name: 'Анна', phoneNumber: '+79995553322' }, at),
        create_appointment: () => booking.bookSlot.attempt({ slot, clientId: '1', client: null, comment: undefined }, at),
        get_appointment: () => booking.getAppointment('1', signal),
        list_appointments: () => booking.listAppointments(week(), signal),
        reschedule_appointment: () => booking.moveToSlot.attempt({ appointmentId: '1', slot }, at),
        cancel_appointment: () => booking.releaseSlot.attempt({ appointmentId: '1', reason: undefined }, at),
      };
      for (const method of lacks) await expect(asked[method]?.()).rejects.toMatchObject(refusal);
    });
  });
}
