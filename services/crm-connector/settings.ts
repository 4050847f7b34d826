import { z } from 'zod';
import { integer } from '../../config/settings.ts';

export const crmSettings = z.object({
  CRM_LEAD_REUSE_HOURS: integer({ min: 0, max: 8760 })
    .default(24)
    .describe('Maximum age of an open lead that is reused instead of opening another; 0 always opens a new one.'),
});
