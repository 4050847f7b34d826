import { PolybError } from '../../../contracts/kit/errors.ts';
import type { SalonClient } from './client.ts';
import type { Online } from './online.ts';
import type { Platform, SalonOptions } from './platform.ts';
import type { Schedule } from './schedule.ts';

/** The parts of a location's booking adapter. */
export interface Salon {
  readonly platform: Platform;
  readonly options: SalonOptions;
  readonly client: SalonClient;
  readonly schedule: Schedule;
  readonly online: Online;
  readonly now: () => number;
}

export const noAppointment = (title: string, id: string): PolybError =>
  new PolybError('not_found', `${title} has no appointment ${id}, or it was cancelled.`, { reason: 'no_appointment' });
