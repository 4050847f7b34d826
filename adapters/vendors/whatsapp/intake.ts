/** Deliveries of the WhatsApp Cloud API (developers.facebook.com/docs/whatsapp/cloud-api): only to a webhook, signed with the app secret. */
import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { origin, secret, text } from '../../../config/settings.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Intake, Update, UpdateBatch, WebhookRequest } from '../../channel/port.ts';
import { sameSecret } from '../../channel/same-secret.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { mayHaveToken } from './hosts.ts';
import { changesOf, partsOf } from './read.ts';

export const whatsappSettings = z.object({
  WHATSAPP_TOKEN: secret().optional().describe('Access token of the WhatsApp Cloud API. Without it media cannot be fetched.'),
  WHATSAPP_APP_SECRET: secret()
    .optional()
    .describe('Secret of the Meta app, which signs deliveries. Without it all deliveries are refused.'),
  WHATSAPP_VERIFY_TOKEN: secret().optional().describe('Verify token, as entered at Meta; WhatsApp sends it when it verifies the webhook.'),
  WHATSAPP_API_ROOT: origin().default('https://graph.facebook.com').describe('Base URL of the Graph API.'),
  WHATSAPP_API_VERSION: text({ max: 10, like: /^v\d{1,3}\.\d$/, expected: 'a version of the Graph API, e.g. v23.0' })
    .default('v23.0')
    .describe('Version of the Graph API.'),
  WHATSAPP_BUSINESS_ACCOUNT_ID: text({ max: 32, like: /^\d+$/, expected: 'the digits of an account' })
    .optional()
    .describe('Id of the WhatsApp Business Account, whose templates are listed.'),
});

export function whatsappIntake(options: z.output<typeof whatsappSettings>, { http }: Pick<Deps, 'http'>): Intake {
  const graph = `${options.WHATSAPP_API_ROOT}/${options.WHATSAPP_API_VERSION}`;
  const headers = () => {
    if (options.WHATSAPP_TOKEN === undefined)
      throw new PolybError('failed_precondition', 'WHATSAPP_TOKEN is not set; media cannot be fetched.', { reason: 'no_token' });
    return { authorization: `Bearer ${options.WHATSAPP_TOKEN}` };
  };
  /** The reply that proves to Meta that the webhook belongs to the app (…/graph-api/webhooks/getting-started). */
  const challengeOf = (query: WebhookRequest['query']): string => {
    const { WHATSAPP_VERIFY_TOKEN: token } = options;
    const { 'hub.mode': mode, 'hub.challenge': challenge = '', 'hub.verify_token': given = '' } = query;
    if (token === undefined || mode !== 'subscribe' || !sameSecret(given, token))
      throw new PolybError('permission_denied', 'The verify token of the webhook is wrong.', { reason: 'bad_signature' });
    return challenge;
  };
  return {
    receive({ headers: { 'x-hub-signature-256': signature = '' }, query, body }) {
      if (body.length === 0 && 'hub.mode' in query) return { batches: [], reply: challengeOf(query) };
      const { WHATSAPP_APP_SECRET: key } = options;
      // Over the received bytes: JSON that is parsed and written again has other bytes.
      const expected = key === undefined ? undefined : `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
      if (expected === undefined || !sameSecret(signature, expected))
        throw new PolybError('permission_denied', 'The signature of the webhook is wrong.', { reason: 'bad_signature' });
      return { batches: batchesOf(Buffer.from(body).toString('utf8')) };
    },
    read: readChange,
    async fetchFile(_botId, fileId, { maxBytes, signal }) {
      const found = await http({
        method: 'GET',
        url: `${graph}/${encodeURIComponent(fileId)}`,
        operation: 'media',
        headers: headers(),
        signal,
      });
      if (found.status !== 200) throw httpFailure(found, 'Requesting the media');
      const { url } = (found.json() ?? {}) as { url?: unknown };
      if (typeof url !== 'string')
        throw new PolybError('upstream_failed', 'WhatsApp returned no URL for the media.', { reason: 'bad_reply' });
      if (!mayHaveToken(url, options.WHATSAPP_API_ROOT))
        throw new PolybError('failed_precondition', 'The link to the media does not lead to Meta, so the access token is not sent there.', {
          reason: 'foreign_link',
        });
      const answer = await http({ method: 'GET', url, operation: 'file', headers: headers(), signal, maxBytes, timeoutMs: 60_000 });
      // A link is valid for five minutes; if it fails, a new one may work.
      if (answer.status === 404)
        throw new PolybError('unavailable', 'The link to the media has expired; request a new one.', { reason: 'link_dead' });
      if (answer.status !== 200) throw httpFailure(answer, 'Fetching the media');
      return answer.bytes;
    },
  };
}

/** One POST may contain several entries, changes and messages: each message and each status becomes its own update. */
function batchesOf(body: string): readonly UpdateBatch[] {
  let changes: ReturnType<typeof changesOf>;
  try {
    changes = changesOf(JSON.parse(body));
  } catch {
    // The parser's message quotes the body, so it is dropped.
    throw new PolybError('invalid_argument', 'The body is not a delivery of the WhatsApp Cloud API.', { reason: 'bad_body' });
  }
  return changes.map(({ botId, pieces }) => ({ botId, updates: pieces.map((piece) => readChange(botId, JSON.stringify(piece))) }));
}

/** WhatsApp does not number its deliveries; a digest identifies repeats. */
function readChange(_botId: string, raw: string): Update {
  return { externalId: createHash('sha256').update(raw).digest('base64url'), raw, parts: partsOf(JSON.parse(raw)) };
}
