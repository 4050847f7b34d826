import { z } from 'zod';
import { durationMs, integer, text } from '../../config/settings.ts';
import { parseHolidays } from './windows.ts';

/** Article 112 of the Labour Code of Russia; days moved by the government have to be added for each year. */
const russianHolidays = '01-01..01-08,02-23,03-08,05-01,05-09,06-12,11-04';

export const campaignSettings = z.object({
  CAMPAIGN_HOLIDAYS: text({ max: 4000 })
    .refine((written) => parseHolidays(written) !== null)
    .meta({ expected: 'days or ranges of days, separated by commas, e.g. 01-01..01-08,2026-11-03' })
    .default(russianHolidays)
    .describe('Days without campaign calls, in every year (MM-DD) or in one (YYYY-MM-DD), in the time zone of the member.'),
  CAMPAIGN_TRUNK_CALLS: integer({ min: 1, max: 10_000 })
    .default(10)
    .describe('Maximum simultaneous calls of all campaigns over one trunk.'),
  CAMPAIGN_LIST_MAX_AGE_MS: durationMs({ min: 1_000, max: 86_400_000 })
    .default(900_000)
    .describe(
      'Maximum age of the copy of the do-not-call list; campaigns make no calls with an older one. It is re-read after a third of this time.',
    ),
  CAMPAIGN_KEEP_DAYS: integer({ min: 1, max: 3650 }).default(90).describe('Days to keep a campaign and its members after its end.'),
});
