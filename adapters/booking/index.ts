/** Booking adapters by `BOOKING_KIND`. */
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { memoryBooking } from './memory.ts';
import type { Booking } from './port.ts';
import { postgresBooking } from './postgres.ts';

export const bookingAdapters = {
  postgres: { settings: z.object({}), create: (_: object, deps: Deps): Booking => postgresBooking(deps) },
  memory: { settings: z.object({}), create: (_: object, deps: Deps): Booking => memoryBooking(deps) },
};
