/** YCLIENTS and Altegio are one platform under two names; what differs is data. */

export interface Platform {
  /** The kind of the adapter, and the owner of the rate limit. */
  readonly name: 'yclients' | 'altegio';
  readonly title: string;
  readonly accept: string;
  /** Paths of services with their durations; ids are numbers. */
  readonly servicesPath: (companyId: string) => string;
  /** Paths of a client's comments; the next one is used where the one before is not found. */
  readonly commentPaths: (companyId: string, clientId: string) => readonly string[];
  /** Online booking requires an e-mail address of the client. */
  readonly isEmailRequired: boolean;
  /** Name of the setting that has the user token. */
  readonly userTokenSetting: string;
  readonly timeZoneSetting: string;
}

/** Source: developers.yclients.com, API v1 with `Accept` of version 2. */
export const yclientsPlatform: Platform = {
  name: 'yclients',
  title: 'YCLIENTS',
  accept: 'application/vnd.yclients.v2+json',
  servicesPath: (companyId) => `company/${companyId}/services`,
  commentPaths: (companyId, clientId) => [`company/${companyId}/clients/${clientId}/comments`],
  isEmailRequired: true,
  userTokenSetting: 'YCLIENTS_USER_TOKEN',
  timeZoneSetting: 'YCLIENTS_TIME_ZONE',
};

/** Connection of an adapter to one location of the platform. */
export interface SalonOptions {
  readonly url: string;
  readonly partnerToken: string;
  /** Without it, only slots can be booked, and by phone. */
  readonly userToken: string | undefined;
  readonly companyId: string;
  /** Replaces the zone of the location's page. */
  readonly timeZone: string | undefined;
  /** Prices have no currency in replies; without it they are left out. */
  readonly currency: string | undefined;
  /** E-mail address of clients without one, where online booking requires it. */
  readonly fallbackEmail: string | undefined;
  readonly settleMs: number;
}
