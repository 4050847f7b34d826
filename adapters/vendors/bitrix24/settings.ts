/** Settings of Bitrix24 for both ports. */
import { z } from 'zod';
import { durationMs, integer, list, secret, text, url } from '../../../config/settings.ts';
import { TimeZone } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isLoopback } from '../../../contracts/kit/loopback.ts';
import { phoneCountry } from '../../crm/phones.ts';
import type { LeadStatus } from '../../crm/port.ts';
import type { Deps } from '../../deps.ts';
import type { TokenStore } from '../../oauth.ts';
import { type Access, type BitrixClient, bitrixClient } from './client.ts';

/** The code of a webhook is a secret: it goes over TLS, or stays on this machine. */
const webhookUrl = z
  .string()
  .trim()
  .max(2048)
  .refine((written) => {
    const { protocol, hostname, pathname } = URL.parse(written) ?? { protocol: '', hostname: '', pathname: '' };
    const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
    return isSafe && /^\/rest\/\d+\/[\w-]+\/?$/.test(pathname);
  })
  .meta({ expected: 'the URL of an incoming webhook over https, https://example.bitrix24.ru/rest/1/<code>/', secret: true });

const defaultStages = ['new=NEW', 'in_process=IN_PROCESS', 'converted=CONVERTED', 'dead=JUNK'];

export const bitrixSettings = z.object({
  BITRIX24_WEBHOOK_URL: webhookUrl
    .optional()
    .describe('URL of an incoming webhook with the permissions crm, task, booking, catalog and user. Contains a secret.'),
  BITRIX24_PORTAL_URL: url(['https', 'http']).optional().describe('URL of the portal, for an OAuth application instead of a webhook.'),
  BITRIX24_CLIENT_ID: text({ max: 100 }).optional().describe('Id of the OAuth application (client_id).'),
  BITRIX24_CLIENT_SECRET: secret().optional().describe('Secret of the OAuth application (client_secret).'),
  BITRIX24_REDIRECT_URI: url(['https', 'http']).optional().describe('Address of the OAuth application, exactly as entered in the portal.'),
  BITRIX24_OAUTH_URL: url(['https', 'http']).default('https://oauth.bitrix.info').describe('Server that issues tokens.'),
  BITRIX24_APPLICATION_TOKEN: secret()
    .optional()
    .describe('Token with which the portal delivers events (application_token), of the outgoing webhook or the application.'),
  BITRIX24_TARIFF: z
    .enum(['standard', 'enterprise'])
    .default('standard')
    .describe('Tariff of the portal, for its rate of requests: 50 at once and 2 a second, or 250 and 5.'),
  BITRIX24_USER_ID: integer({ min: 1, max: 1_000_000_000 })
    .optional()
    .describe('Responsible user of tasks and calls; the user of the webhook by default, 1 for an application.'),
  BITRIX24_LEAD_STAGES: list(
    text({ max: 80, like: /^(new|in_process|converted|dead)=[\w:.-]+$/, expected: 'a status and the id of a stage, e.g. dead=JUNK' }),
    { max: 4 },
  )
    .default(defaultStages)
    .describe('Lead stages of the portal (crm.status.list, ENTITY_ID=STATUS) where they differ from the default ones.'),
  BITRIX24_DEAL_CATEGORY_ID: integer({ min: 0, max: 1_000_000 })
    .default(0)
    .describe('Funnel of new deals. Stages of a funnel other than 0 have the prefix C<id>:, which is added when it is missing.'),
  BITRIX24_PHONE_COUNTRY: phoneCountry().describe('Country of phones that are stored without a country code.'),
  BITRIX24_SETTLE_MS: durationMs({ max: 3_600_000 })
    .default(75_000)
    .describe('How long after a lost reply a record may still appear; longer than the 60 s that a request may take.'),
});
export type BitrixSettings = z.output<typeof bitrixSettings>;

export const bitrixBookingSettings = bitrixSettings.extend({
  BITRIX24_SERVICES_IBLOCK_ID: integer({ min: 1, max: 1_000_000_000 }).describe('Id of the catalogue of services (iblockId).'),
  BITRIX24_BOOKING_SOURCE: z
    .enum(['booking', 'calendar'])
    .default('booking')
    .describe('Resources of the booking module, or the calendars of users where the portal does not use it.'),
  BITRIX24_CALENDAR_USER_IDS: list(integer({ min: 1, max: 1_000_000_000 }))
    .optional()
    .describe('Users whose calendars can be booked; all active ones by default.'),
  BITRIX24_SLOT_MINUTES: integer({ min: 5, max: 1440 }).default(60).describe('Length of a service in the calendars of users.'),
  BITRIX24_TIME_ZONE: TimeZone.optional().describe(
    'Time zone of the location; by default that of the hours of the first resource. Calendars need it.',
  ),
});
export type BitrixBookingSettings = z.output<typeof bitrixBookingSettings>;

/** The stage of each status. */
export function leadStagesOf({ BITRIX24_LEAD_STAGES: written }: BitrixSettings): Readonly<Record<LeadStatus, string>> {
  return Object.fromEntries([...defaultStages, ...written].map((each) => each.split('='))) as Record<LeadStatus, string>; // Has a default for each.
}

/** @throws PolybError failed_precondition/bad_settings. */
export function bitrixOf(
  options: BitrixSettings,
  deps: Pick<Deps, 'http' | 'cache' | 'now' | 'connection'>,
  tokens: Pick<TokenStore, 'access'> | undefined,
): { readonly bitrix: BitrixClient; readonly userId: number } {
  const access = accessOf(options, tokens);
  const owner = access.kind === 'webhook' ? Number(/\/rest\/(\d+)\//.exec(access.url)?.[1]) : 1;
  return { bitrix: bitrixClient({ access, tariff: options.BITRIX24_TARIFF, deps }), userId: options.BITRIX24_USER_ID ?? owner };
}
function accessOf(options: BitrixSettings, tokens: Pick<TokenStore, 'access'> | undefined): Access {
  const { BITRIX24_WEBHOOK_URL: webhook } = options;
  if (webhook !== undefined) return { kind: 'webhook', url: webhook.replace(/\/*$/, '/') };
  const { portal } = applicationOf(options);
  if (tokens === undefined) throw badSettings();
  return { kind: 'application', portal, tokens };
}
/** @throws PolybError failed_precondition/bad_settings. */
export function applicationOf(options: BitrixSettings): {
  readonly portal: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
} {
  const {
    BITRIX24_PORTAL_URL: portal,
    BITRIX24_CLIENT_ID: clientId,
    BITRIX24_CLIENT_SECRET: clientSecret,
    BITRIX24_REDIRECT_URI: redirectUri,
  } = options;
  if (portal === undefined || clientId === undefined || clientSecret === undefined || redirectUri === undefined) throw badSettings();
  return { portal: new URL(portal).origin, clientId, clientSecret, redirectUri };
}
function badSettings(): PolybError {
  return new PolybError(
    'failed_precondition',
    'Bitrix24 needs BITRIX24_WEBHOOK_URL, or BITRIX24_PORTAL_URL, BITRIX24_CLIENT_ID, BITRIX24_CLIENT_SECRET and BITRIX24_REDIRECT_URI together.',
    { reason: 'bad_settings' },
  );
}
