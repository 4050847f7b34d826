import { z } from 'zod';
import { durationMs, flag, integer } from '../../config/settings.ts';

export const crmSettings = z.object({
  BOOKING_RECONCILE_MS: durationMs({ min: 1_000, max: 86_400_000 })
    .default(600_000)
    .describe('How often the appointments of a booking system are compared with what is known here.'),
  CRM_WEBHOOK_SETTLE_MS: durationMs({ max: 60_000 })
    .default(3_000)
    .describe('How long after a delivery a changed record is read again; a change of this system is stored by then.'),
  CRM_NOTE_APPOINTMENTS: flag()
    .default(true)
    .describe('Whether an appointment is noted at the contact of the primary CRM, if the booking system is another system.'),
  CRM_LEAD_REUSE_HOURS: integer({ min: 0, max: 8760 })
    .default(24)
    .describe('Maximum age of an open lead that is reused instead of opening another; 0 always opens a new one.'),
});
