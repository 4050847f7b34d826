/** Altegio as a booking system: the platform of YCLIENTS. */
import type { z } from 'zod';
import type { Booking } from '../../booking/port.ts';
import type { Deps } from '../../deps.ts';
import { salonBooking } from '../yclients/booking.ts';
import { altegioPlatform } from './platform.ts';
import { altegioOptions, type altegioSettings } from './settings.ts';

export function altegioBooking(settings: z.output<typeof altegioSettings>, deps: Pick<Deps, 'http' | 'cache' | 'now'>): Booking {
  return salonBooking(altegioPlatform, altegioOptions(settings), deps);
}
