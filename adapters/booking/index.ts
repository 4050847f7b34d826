/** Booking adapters by `BOOKING_KIND`. */
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { altegioBooking } from '../vendors/altegio/booking.ts';
import { altegioSettings } from '../vendors/altegio/settings.ts';
import { amoBooking, amoBookingSettings } from '../vendors/amocrm/booking.ts';
import { bitrixBooking } from '../vendors/bitrix24/booking.ts';
import { bitrixOAuth } from '../vendors/bitrix24/oauth.ts';
import { type BitrixBookingSettings, bitrixBookingSettings } from '../vendors/bitrix24/settings.ts';
import { dikidiBooking } from '../vendors/dikidi/booking.ts';
import { easyWeekBooking, easyWeekSettings } from '../vendors/easyweek/booking.ts';
import { espoBooking, espoBookingSettings } from '../vendors/espocrm/booking.ts';
import { onecBooking, onecBookingSettings } from '../vendors/onec/booking.ts';
import { yclientsBooking } from '../vendors/yclients/booking.ts';
import { yclientsSettings } from '../vendors/yclients/settings.ts';
import { memoryBooking } from './memory.ts';
import type { Booking } from './port.ts';
import { postgresBooking } from './postgres.ts';

export const bookingAdapters = {
  postgres: { settings: z.object({}), create: (_: object, deps: Deps): Booking => postgresBooking(deps) },
  memory: { settings: z.object({}), create: (_: object, deps: Deps): Booking => memoryBooking(deps) },
  yclients: {
    settings: yclientsSettings,
    create: (options: z.output<typeof yclientsSettings>, deps: Deps): Booking => yclientsBooking(options, deps),
  },
  altegio: {
    settings: altegioSettings,
    create: (options: z.output<typeof altegioSettings>, deps: Deps): Booking => altegioBooking(options, deps),
  },
  amocrm: {
    settings: amoBookingSettings,
    create: (options: z.output<typeof amoBookingSettings>, deps: Deps): Booking => amoBooking(options, deps),
  },
  bitrix24: {
    settings: bitrixBookingSettings,
    create: (options: BitrixBookingSettings, deps: Deps): Booking => bitrixBooking(options, deps, bitrixOAuth(options, deps)),
  },
  espocrm: {
    settings: espoBookingSettings,
    create: (options: z.output<typeof espoBookingSettings>, deps: Deps): Booking => espoBooking(options, deps),
  },
  onec: {
    settings: onecBookingSettings,
    create: (options: z.output<typeof onecBookingSettings>, deps: Deps): Booking => onecBooking(options, deps),
  },
  easyweek: {
    settings: easyWeekSettings,
    create: (options: z.output<typeof easyWeekSettings>, deps: Deps): Booking => easyWeekBooking(options, deps),
  },
  dikidi: { settings: z.object({}), create: (_: object, _deps: Deps): Booking => dikidiBooking() },
};
