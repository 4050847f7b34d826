import { z } from 'zod';
import type { SalonOptions } from '../yclients/platform.ts';
import { settingOf } from '../yclients/settings.ts';

const title = 'Altegio';
export const altegioSettings = z.object({
  ALTEGIO_URL: settingOf.url('https://api.alteg.io/api/v1', title),
  ALTEGIO_PARTNER_TOKEN: settingOf.partnerToken(title),
  ALTEGIO_USER_TOKEN: settingOf.userToken(title),
  ALTEGIO_LOCATION_ID: settingOf.companyId(),
  ALTEGIO_TIME_ZONE: settingOf.timeZone(),
  ALTEGIO_CURRENCY: settingOf
    .currency()
    .optional()
    .describe('Currency of the prices of services. Without it, services and slots have no price.'),
  ALTEGIO_SETTLE_MS: settingOf.settleMs(),
});
/** Clients can be read and written by a user only. */
export const altegioCrmSettings = altegioSettings.required({ ALTEGIO_USER_TOKEN: true });

export function altegioOptions(settings: z.output<typeof altegioSettings>): SalonOptions {
  return {
    url: settings.ALTEGIO_URL,
    partnerToken: settings.ALTEGIO_PARTNER_TOKEN,
    userToken: settings.ALTEGIO_USER_TOKEN,
    companyId: settings.ALTEGIO_LOCATION_ID,
    timeZone: settings.ALTEGIO_TIME_ZONE,
    currency: settings.ALTEGIO_CURRENCY,
    fallbackEmail: undefined,
    settleMs: settings.ALTEGIO_SETTLE_MS,
  };
}
