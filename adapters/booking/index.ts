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
  postgres: { settings: z.object({}), create: (_: object, deps: Deps) => postgresBooking(deps) },
  memory: { settings: z.object({}), create: (_: object, deps: Deps) => memoryBooking(deps) },
  yclients: { settings: yclientsSettings, create: yclientsBooking },
  altegio: { settings: altegioSettings, create: altegioBooking },
  amocrm: { settings: amoBookingSettings, create: amoBooking },
  bitrix24: {
    settings: bitrixBookingSettings,
    create: (options: BitrixBookingSettings, deps: Deps): Booking => bitrixBooking(options, deps, bitrixOAuth(options, deps)),
  },
  espocrm: { settings: espoBookingSettings, create: espoBooking },
  onec: { settings: onecBookingSettings, create: onecBooking },
  easyweek: { settings: easyWeekSettings, create: easyWeekBooking },
  dikidi: { settings: z.object({}), create: (_: object, _deps: Deps): Booking => dikidiBooking() },
};
