import { review } from '../../contracts/kit/define.ts';
import { unsupported, unsupportedEffect } from '../unsupported.ts';
import { type Booking, type BookingCapabilities, everything } from './port.ts';

/** A booking system that offers nothing; no request is sent. @param provider its name in errors */
export function unsupportedBooking(system: string, provider: string): Booking {
  const refuse = (what: string) => async (): Promise<never> => {
    throw unsupported(provider, what);
  };
  const effect = { attempt: refuse('appointments'), onUnknown: review };
  const methods = Object.fromEntries(Object.keys(everything).map((method) => [method, 'unsupported'])) as BookingCapabilities['methods'];
  return {
    capabilities: () => ({ system, methods }),
    timeZone: refuse('appointments'),
    listServices: refuse('services'),
    listEmployees: refuse('employees'),
    getFreeSlots: refuse('free slots'),
    findClients: refuse('clients'),
    getAppointment: refuse('appointments'),
    listAppointments: refuse('appointments'),
    createClient: unsupportedEffect(provider, 'clients'),
    bookSlot: effect,
    moveToSlot: effect,
    releaseSlot: effect,
  };
}
