import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { FreeSlot } from '../../adapters/booking/port.ts';
import { slotIds } from './slot-id.ts';

const key = randomBytes(32);
const now = Date.parse('2026-12-08T09:00:00Z');
const ids = slotIds(
  () => key,
  () => now,
);
const slot: FreeSlot = {
  start: '2026-12-08T15:00:00+03:00',
  durationMinutes: 60,
  employeeId: 'anna',
  employeeName: 'Анна',
  serviceIds: ['haircut'],
  price: null,
  value: '1796734800',
};

test('a slot id says what was offered, where and until when', () => {
  const { start, durationMinutes, employeeId, serviceIds, value } = slot;
  expect(ids.read(ids.sign('salon', slot))).toEqual({
    connection: 'salon',
    slot: { start, durationMinutes, employeeId, serviceIds, value },
    expiresAt: now + 30 * 60_000,
  });
});

test.each(['-03:30', '+00:00', '+14:00'])('the offset %s of a start is kept', (offset) => {
  const start = `2026-12-08T15:00:00${offset}`;
  expect(ids.read(ids.sign('main', { ...slot, start })).slot.start).toBe(start);
});

test('a slot id with five UUIDs and an employee fits into 200 characters', () => {
  const long = { ...slot, serviceIds: Array.from({ length: 5 }, () => randomUUID()), employeeId: randomUUID(), value: null };
  const slotId = ids.sign('main', long);
  expect(slotId.length).toBeLessThanOrEqual(200);
  expect(ids.read(slotId).slot.serviceIds).toEqual(long.serviceIds);
});

test('ids that do not fit are refused with the field, not cut', () => {
  const serviceIds = Array.from({ length: 5 }, (_, nth) => String(nth).repeat(64));
  expect(() => ids.sign('main', { ...slot, serviceIds })).toThrow(
    expect.objectContaining({ code: 'failed_precondition', reason: 'crm_rejected', data: { field: 'serviceIds' } }),
  );
});

test('a slot id that was changed in any byte, cut, or signed with another key is refused', () => {
  const slotId = ids.sign('main', slot);
  const bytes = Buffer.from(slotId, 'base64url');
  const changed = Array.from(bytes, (byte, at) => {
    const copy = Buffer.from(bytes);
    copy[at] = byte ^ 1;
    return copy.toString('base64url');
  });
  const other = slotIds(
    () => randomBytes(32),
    () => now,
  );
  for (const forged of [...changed, slotId.slice(0, -2), 'x', '', other.sign('main', slot)])
    expect(() => ids.read(forged)).toThrow(expect.objectContaining({ code: 'invalid_argument', reason: 'bad_slot' }));
});
