/** Booking as a client does it on the page of the location. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { OfferedSlot } from '../../booking/port.ts';
import type { SalonClient } from './client.ts';
import type { SalonOptions } from './platform.ts';
import { digitsOf, idOf, listOf, textOf } from './values.ts';

export interface Visitor {
  readonly name: string;
  readonly phoneNumber: string;
  readonly email: string | null | undefined;
}
export interface Online {
  /** @throws PolybError conflict/slot_busy if the slot cannot be booked any more. */
  check(slot: OfferedSlot, signal: AbortSignal): Promise<void>;
  /** `hash` lets the one who booked read and cancel. */
  book(
    slot: OfferedSlot,
    visitor: Visitor,
    at: { readonly comment: string | undefined; readonly ref: string; readonly signal: AbortSignal },
  ): Promise<{ readonly recordId: string; readonly hash: string }>;
}

/** The value of `book_times`; a slot without one is booked by its start. */
export const datetimeOf = ({ value, start }: OfferedSlot): unknown => (value === null ? start : JSON.parse(value));

export function onlineOf(client: SalonClient, { companyId, fallbackEmail }: SalonOptions): Online {
  const appointment = (slot: OfferedSlot) => ({
    id: 1,
    services: slot.serviceIds.map(Number),
    staff_id: Number(slot.employeeId ?? 0),
    datetime: datetimeOf(slot),
  });
  return {
    async check(slot, signal) {
      const body = { appointments: [appointment(slot)] };
      await client.call({ method: 'POST', path: `book_check/${companyId}`, body, signal, what: 'Checking a slot' });
    },
    async book(slot, { name, phoneNumber, email }, { comment, ref, signal }) {
      const { data } = await client.call({
        method: 'POST',
        path: `book_record/${companyId}`,
        body: {
          phone: digitsOf(phoneNumber),
          fullname: name,
          email: email ?? fallbackEmail ?? '',
          comment: comment ?? '',
          notify_by_sms: 0,
          notify_by_email: 0,
          api_id: ref,
          appointments: [appointment(slot)],
        },
        signal,
        what: 'Booking a slot',
      });
      const [made] = listOf(data);
      const recordId = idOf(made?.record_id);
      if (recordId === null)
        throw new PolybError('upstream_failed', 'Booking a slot: expected a record_id in the reply.', { reason: 'bad_reply' });
      return { recordId, hash: textOf(made?.record_hash) ?? '' };
    },
  };
}
