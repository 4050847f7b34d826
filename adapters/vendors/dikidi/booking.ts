import type { Booking } from '../../booking/port.ts';
import { unsupportedBooking } from '../../booking/unsupported.ts';

/** DIKIDI has no public API, see crm.ts. */
export const dikidiBooking = (): Booking => unsupportedBooking('dikidi', 'DIKIDI');
