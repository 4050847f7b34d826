import { z } from 'zod';
import { durationMs, secret, text, url } from '../../../config/settings.ts';
import { Email, TimeZone } from '../../../contracts/common.ts';
import type { SalonOptions } from './platform.ts';

/** The settings of both platforms, which differ by their prefix and by what an owner of a location finds where. */
export const settingOf = {
  url: (base: string, title: string) => url(['https', 'http']).default(base).describe(`Base URL of the API of ${title}.`),
  partnerToken: (title: string) => secret().describe(`Token of a developer's application at ${title}.`),
  userToken: (title: string) =>
    secret()
      .optional()
      .describe(
        `Token of a user of the location, as ${title} returns it for POST /auth; a change of the password ends it. Without it, slots can be booked and cancelled, and clients and records cannot be read.`,
      ),
  companyId: () =>
    text({ max: 20, like: /^[1-9]\d*$/, expected: 'the number of a location' }).describe(
      'Number of the location, as in the address of its pages.',
    ),
  timeZone: () => TimeZone.optional().describe('IANA name of the zone of the location. Default: the one in its settings.'),
  currency: () => text({ max: 3, like: /^[A-Z]{3}$/, expected: 'a currency, e.g. RUB' }),
  settleMs: () => durationMs({ max: 3_600_000 }).default(75_000).describe('How long after a lost reply a record may still appear.'),
};
const title = 'YCLIENTS';
export const yclientsSettings = z.object({
  YCLIENTS_URL: settingOf.url('https://api.yclients.com/api/v1', title),
  YCLIENTS_PARTNER_TOKEN: settingOf.partnerToken(title),
  YCLIENTS_USER_TOKEN: settingOf.userToken(title),
  YCLIENTS_COMPANY_ID: settingOf.companyId(),
  YCLIENTS_TIME_ZONE: settingOf.timeZone(),
  YCLIENTS_CURRENCY: settingOf.currency().default('RUB').describe('Currency of the prices of services.'),
  YCLIENTS_FALLBACK_EMAIL: text({ max: 254 })
    .pipe(Email)
    .optional()
    .describe('E-mail address for an online booking of a client without one; YCLIENTS requires one.'),
  YCLIENTS_SETTLE_MS: settingOf.settleMs(),
});
/** Clients can be read and written by a user only. */
export const yclientsCrmSettings = yclientsSettings.required({ YCLIENTS_USER_TOKEN: true });

export function yclientsOptions(settings: z.output<typeof yclientsSettings>): SalonOptions {
  return {
    url: settings.YCLIENTS_URL,
    partnerToken: settings.YCLIENTS_PARTNER_TOKEN,
    userToken: settings.YCLIENTS_USER_TOKEN,
    companyId: settings.YCLIENTS_COMPANY_ID,
    timeZone: settings.YCLIENTS_TIME_ZONE,
    currency: settings.YCLIENTS_CURRENCY,
    fallbackEmail: settings.YCLIENTS_FALLBACK_EMAIL,
    settleMs: settings.YCLIENTS_SETTLE_MS,
  };
}
