import { z } from 'zod';
import { durationMs, integer, secret, text, url } from '../../../config/settings.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { phoneCountry } from '../../crm/phones.ts';
import type { LeadStatus } from '../../crm/port.ts';

const id = () => integer({ min: 1, max: 2_147_483_647 });

export const amoSettings = z.object({
  AMOCRM_SUBDOMAIN: text({ max: 63, like: /^[a-z0-9][a-z0-9-]*$/i, expected: 'the name before .amocrm.ru' }).describe(
    'Subdomain of the account: company for https://company.amocrm.ru.',
  ),
  AMOCRM_URL: url(['https', 'http']).optional().describe('URL of an account elsewhere, e.g. https://company.kommo.com.'),
  AMOCRM_OAUTH_URL: url(['https', 'http']).default('https://www.amocrm.ru/oauth').describe('Page where an administrator consents.'),
  AMOCRM_TOKEN: secret().optional().describe('Long-lived token of a private integration; OAuth is not used then.'),
  AMOCRM_CLIENT_ID: text({ max: 100 }).optional().describe('Id of the integration, for OAuth: polyb crm connect amocrm.'),
  AMOCRM_CLIENT_SECRET: secret().optional().describe('Secret key of the integration.'),
  AMOCRM_REDIRECT_URI: url(['https', 'http']).optional().describe('Redirect URI of the integration, exactly as entered there.'),
  AMOCRM_PIPELINE_ID: id().optional().describe('Pipeline of new leads; default: the main one.'),
  AMOCRM_STATUS_NEW_ID: id().optional().describe('Status of a new lead; default: the first of its pipeline.'),
  AMOCRM_STATUS_IN_PROCESS_ID: id().optional().describe('Status of a lead in process.'),
  AMOCRM_STATUS_CONVERTED_ID: id().default(142).describe('Status of a converted lead; 142 is "won" in every pipeline.'),
  AMOCRM_STATUS_DEAD_ID: id().default(143).describe('Status of a dead lead; 143 is "lost" in every pipeline.'),
  AMOCRM_DEAL_PIPELINE_ID: id()
    .optional()
    .describe('Pipeline of deals, whose records are no leads then. Without it, deals are leads of the main pipeline too.'),
  AMOCRM_CURRENCY: text({ max: 3, like: /^[A-Z]{3}$/, expected: 'the code of a currency, e.g. RUB' })
    .default('RUB')
    .describe('Currency of the account.'),
  AMOCRM_CLOSE_DATE_FIELD_ID: id().optional().describe('A date field of leads for the expected close of a deal; default: a note.'),
  AMOCRM_CONTACT_REFERENCE_FIELD_ID: id()
    .optional()
    .describe('A text field of contacts that stores the reference of this system; default: a tag.'),
  AMOCRM_LEAD_REFERENCE_FIELD_ID: id()
    .optional()
    .describe('A text field of leads that stores the reference of this system; default: a tag.'),
  AMOCRM_RESPONSIBLE_USER_ID: id().optional().describe('Owner of new leads, contacts and tasks; default: as amoCRM decides.'),
  AMOCRM_TASK_TYPE_ID: id().default(1).describe('Type of tasks: 1 is a follow-up.'),
  AMOCRM_PHONE_COUNTRY: phoneCountry().describe('Country of phones that are stored without a country code.'),
  AMOCRM_ACCOUNT_ID: id().optional().describe('Id of the account, with which webhooks are compared: /api/v4/account shows it.'),
  AMOCRM_REQUESTS_PER_SECOND: integer({ min: 1, max: 1000 }).default(7).describe('Limit of the integration.'),
  AMOCRM_SETTLE_MS: durationMs({ max: 3_600_000 })
    .default(75_000)
    .describe('How long after a lost reply a record may still appear in searches.'),
});
export type AmoSettings = z.output<typeof amoSettings>;

export function statusIdsOf(settings: AmoSettings): Readonly<Record<LeadStatus, number | undefined>> {
  return {
    new: settings.AMOCRM_STATUS_NEW_ID,
    in_process: settings.AMOCRM_STATUS_IN_PROCESS_ID,
    converted: settings.AMOCRM_STATUS_CONVERTED_ID,
    dead: settings.AMOCRM_STATUS_DEAD_ID,
  };
}
/** Whether records of this pipeline are deals and no leads. */
/** Whether deals have a pipeline of their own; otherwise each is a lead too, and nothing tells them apart. */
export function hasDeals({
  AMOCRM_DEAL_PIPELINE_ID: deals,
  AMOCRM_PIPELINE_ID: leads,
}: Pick<AmoSettings, 'AMOCRM_DEAL_PIPELINE_ID' | 'AMOCRM_PIPELINE_ID'>): boolean {
  return deals !== undefined && deals !== leads;
}
export function isDealPipeline(
  { AMOCRM_DEAL_PIPELINE_ID: deals, AMOCRM_PIPELINE_ID: leads }: Pick<AmoSettings, 'AMOCRM_DEAL_PIPELINE_ID' | 'AMOCRM_PIPELINE_ID'>,
  pipelineId: unknown,
): boolean {
  return deals !== undefined && deals !== leads && pipelineId === deals;
}

/** Without a slash at its end. */
export function accountUrl({ AMOCRM_URL, AMOCRM_SUBDOMAIN }: Pick<AmoSettings, 'AMOCRM_URL' | 'AMOCRM_SUBDOMAIN'>): string {
  return AMOCRM_URL === undefined ? `https://${AMOCRM_SUBDOMAIN}.amocrm.ru` : new URL(AMOCRM_URL).origin;
}

/** @throws PolybError failed_precondition/bad_settings. */
export function integrationOf(settings: AmoSettings): {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
} {
  const { AMOCRM_CLIENT_ID: clientId, AMOCRM_CLIENT_SECRET: clientSecret, AMOCRM_REDIRECT_URI: redirectUri } = settings;
  if (clientId !== undefined && clientSecret !== undefined && redirectUri !== undefined) return { clientId, clientSecret, redirectUri };
  throw new PolybError(
    'failed_precondition',
    'amoCRM needs AMOCRM_TOKEN, or AMOCRM_CLIENT_ID, AMOCRM_CLIENT_SECRET and AMOCRM_REDIRECT_URI together.',
    { reason: 'bad_settings' },
  );
}
