import type { Platform } from '../yclients/platform.ts';

/** Source: developer.alteg.io, API v1, and the vendor's own clients. */
export const altegioPlatform: Platform = {
  name: 'altegio',
  title: 'Altegio',
  accept: 'application/vnd.api.v2+json',
  servicesPath: (companyId) => `services/${companyId}`,
  // The documents name the first path, the vendor's own client uses the second.
  commentPaths: (companyId, clientId) => [
    `clients/${companyId}/clients/${clientId}/comments`,
    `company/${companyId}/clients/${clientId}/comments`,
  ],
  isEmailRequired: false,
  userTokenSetting: 'ALTEGIO_USER_TOKEN',
  timeZoneSetting: 'ALTEGIO_TIME_ZONE',
};
