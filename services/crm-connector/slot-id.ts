/** Slot ids: what was offered, signed, so that only this can be booked. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FreeSlot, OfferedSlot } from '../../adapters/booking/port.ts';
import { decode, encode } from '../../bus/wire/codec.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

export interface SlotIds {
  /** @throws PolybError failed_precondition/crm_rejected when the ids of the booking system are too long for 200 characters. */
  sign(connection: string, slot: FreeSlot): string;
  /** @throws PolybError invalid_argument/bad_slot; the slot may have expired. */
  read(slotId: string): SignedSlot;
}
export interface SignedSlot {
  readonly connection: string;
  readonly slot: OfferedSlot;
  /** Unix ms. */
  readonly expiresAt: number;
}
const lifeMs = 30 * 60_000;
const signatureBytes = 12;
const mostCharacters = 200;

/** @param key returns 32 bytes that no other purpose uses */
export function slotIds(key: () => Uint8Array, now: () => number): SlotIds {
  const signatureOf = (body: Uint8Array) => createHmac('sha256', key()).update(body).digest().subarray(0, signatureBytes);
  return {
    sign(connection, { serviceIds, employeeId, start, durationMinutes, value }) {
      const expiresAt = Math.floor((now() + lifeMs) / 1000);
      const employee = employeeId && packed(employeeId);
      const time = [Date.parse(start) / 1000, offsetOf(start)];
      const body = encode('msgpack', [connection, serviceIds.map(packed), employee, ...time, durationMinutes, value, expiresAt], true);
      const slotId = Buffer.concat([signatureOf(body as Uint8Array), body as Uint8Array]).toString('base64url');
      if (slotId.length <= mostCharacters) return slotId;
      throw new PolybError('failed_precondition', 'The ids of these services are too long for one slot; ask for fewer services at once.', {
        reason: 'crm_rejected',
        data: { field: 'serviceIds' },
      });
    },
    read(slotId) {
      const bytes = Buffer.from(slotId, 'base64url');
      const body = bytes.subarray(signatureBytes);
      if (bytes.length <= signatureBytes || !timingSafeEqual(bytes.subarray(0, signatureBytes), signatureOf(body)))
        throw new PolybError('invalid_argument', 'This is no slot id of get_free_slots.', { reason: 'bad_slot', outcome: 'not_executed' });
      // The signature proves that `sign` packed it.
      const [connection, services, employee, seconds, offset, durationMinutes, value, expiresAt] = decode('msgpack', body) as [
        connection: string,
        services: Packed[],
        employee: Packed | null,
        seconds: number,
        offset: number,
        durationMinutes: number,
        value: string | null,
        expiresAt: number,
      ];
      const start = withOffset(seconds, offset);
      const slot = { serviceIds: services.map(unpacked), employeeId: employee && unpacked(employee), start, durationMinutes, value };
      return { connection, slot, expiresAt: expiresAt * 1000 };
    },
  };
}

/** Minutes east of UTC, from `2026-12-08T15:00:00+03:00`. */
function offsetOf(time: string): number {
  const [, sign, hours = 0, minutes = 0] = /([+-])(\d\d):(\d\d)$/.exec(time) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
function withOffset(seconds: number, offset: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const away = Math.abs(offset);
  const local = new Date((seconds + offset * 60) * 1000).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(away / 60))}:${two(away % 60)}`;
}
/** A UUID takes 16 bytes instead of 36. */
type Packed = string | Uint8Array;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
function packed(id: string): Packed {
  return uuid.test(id) ? Buffer.from(id.replaceAll('-', ''), 'hex') : id;
}
function unpacked(id: Packed): string {
  if (typeof id === 'string') return id;
  return Buffer.from(id)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
