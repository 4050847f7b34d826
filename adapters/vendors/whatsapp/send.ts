/**
 * Sending through the WhatsApp Cloud API (developers.facebook.com/docs/whatsapp/cloud-api/reference/messages, …/support/error-codes).
 * 200 means accepted, not delivered: statuses report the rest. It does not recognise repeats, so an attempt without a clear
 * reply goes to review.
 */
import type { z } from 'zod';
import type { Choices, Media } from '../../../contracts/choices.ts';
import { type ParsedOf, review } from '../../../contracts/kit/define.ts';
import { type Code, isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import type { messages } from '../../../contracts/messages.ts';
import { fitted, type OfferedChoices } from '../../channel/options.ts';
import type { ChoiceLimits, MediaLimits, Sending } from '../../channel/port.ts';
import type { Deps, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { multipart } from '../../multipart.ts';
import { whatsappSettings } from './intake.ts';
import { listTemplates } from './templates.ts';

/** …/cloud-api/messages/interactive-reply-buttons-messages and …/interactive-list-messages. */
export const choiceLimits: ChoiceLimits = { buttons: 3, list: 10, longestText: 1024, withMedia: false };
/** …/cloud-api/reference/media, Supported media types; documents, 100 MB there, are held in memory here. */
export const mediaLimits: MediaLimits = { longestText: 1024, maxBytes: { image: 5_000_000, document: 20_000_000, audio: 16_000_000 } };

export const whatsappSendSettings = whatsappSettings.pick({
  WHATSAPP_TOKEN: true,
  WHATSAPP_API_ROOT: true,
  WHATSAPP_API_VERSION: true,
  WHATSAPP_BUSINESS_ACCOUNT_ID: true,
});

export function whatsappSend(options: z.output<typeof whatsappSendSettings>, { http, now }: Pick<Deps, 'http' | 'now'>): Sending {
  const { WHATSAPP_TOKEN: token, WHATSAPP_API_ROOT: root, WHATSAPP_API_VERSION: version } = options;
  return {
    listTemplates: (page, signal) => listTemplates(options, http, page, signal),
    deliver: {
      async attempt(given, { signal, file }) {
        if (token === undefined)
          throw new PolybError('failed_precondition', 'WHATSAPP_TOKEN is not set; nothing can be sent.', { reason: 'no_token' });
        const message = { ...given, choices: shownOf(given.choices) };
        const { media, choices } = message;
        const edge = `${root}/${version}/${encodeURIComponent(message.botId)}`;
        const authorization = `Bearer ${token}`;
        const mediaId = media === null ? null : await upload({ http, url: `${edge}/media`, authorization, signal }, media, file);
        const answer = await http({
          method: 'POST',
          url: `${edge}/messages`,
          operation: 'messages',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify(bodyOf(message, mediaId)),
          signal,
        });
        if (answer.status !== 200) throw refusal(answer);
        const { messages: taken } = answer.json() as { messages?: readonly { readonly id?: unknown }[] };
        const id = taken?.[0]?.id;
        if (typeof id !== 'string' || id === '' || id.length > 128)
          throw new PolybError('upstream_failed', 'WhatsApp accepted the message without returning its id.', { reason: 'bad_reply' });
        const { to, text, replyTo } = message;
        return { externalId: id, to, text, threadId: null, replyTo, choices, media, at: new Date(now()).toISOString() };
      },
      onUnknown: review,
    },
    // One message to one person in 6 s, of which up to 45 may be sent ahead (error 131056): a conversation needs a few at once. From one
    // number 80 a second (error 130429).
    quotas: ({ botId, to }) => [
      { bucket: `whatsapp:${botId}:to:${to}`, limit: 10, windowMs: 60_000 },
      { bucket: `whatsapp:${botId}`, limit: 80, windowMs: 1_000, startsCooldown: (reason) => reason !== 'pair_limited' },
    ],
  };
}

/** A person without a phone. In `to` the id would be accepted and dropped: the API reads its digits as a phone. */
const isUserId = (to: string) => /^[A-Z]{2}\./.test(to);

/** Longest titles (…/cloud-api/messages/interactive-reply-buttons-messages, …/interactive-list-messages). */
const longestTitles = { buttons: 20, list: 24 };
/** There is no button that requests a contact. */
const shownOf = (choices: Choices | null): OfferedChoices | null =>
  choices === null || choices.as === 'contact_request' ? null : fitted(choices, choiceLimits, longestTitles);

interface Edge {
  readonly http: Deps['http'];
  readonly url: string;
  readonly authorization: string;
  readonly signal: AbortSignal;
}
/** Stores the file at WhatsApp and returns its id. Whatever fails here, no message was sent. */
async function upload({ http, url, authorization, signal }: Edge, media: Media, bytes: Uint8Array | undefined): Promise<string> {
  try {
    if (bytes === undefined) throw new PolybError('internal', 'A message with a file came without its bytes.');
    const { contentType } = media.blob;
    const { headers, body } = await multipart([
      ['messaging_product', 'whatsapp'],
      ['type', contentType],
      ['file', { bytes, name: media.name ?? media.kind, contentType }],
    ]);
    const answer = await http({
      method: 'POST',
      url,
      operation: 'upload',
      headers: { ...headers, authorization },
      body,
      signal,
      timeoutMs: uploadMs,
    });
    if (answer.status !== 200) throw refusal(answer);
    const { id } = answer.json() as { id?: unknown };
    if (typeof id === 'string' && id !== '') return id;
    throw new PolybError('upstream_failed', 'WhatsApp stored the file without returning its id.', { reason: 'bad_reply' });
  } catch (thrown) {
    if (!isPolybError(thrown) || thrown.outcome === 'not_executed') throw thrown;
    throw new PolybError('unavailable', 'WhatsApp did not take the file of the message.', {
      reason: thrown.reason ?? 'upload_failed',
      outcome: 'not_executed',
      cause: thrown,
    });
  }
}
const uploadMs = 15_000;

/** Only a JPEG or a PNG is an image, and audio has no caption: all else is a document. */
function mediaOf({ kind, blob, name }: Media, id: string, caption: string): object {
  if (kind === 'image' && /^image\/(jpeg|png)$/.test(blob.contentType)) return { type: 'image', image: { id, caption } };
  return { type: 'document', document: { id, caption, filename: name ?? kind } };
}
function interactiveOf(choices: OfferedChoices, text: string): object {
  const body = { text };
  if (choices.as === 'buttons') {
    const buttons = choices.options.map(({ id, title }) => ({ type: 'reply', reply: { id, title } }));
    return { type: 'interactive', interactive: { type: 'button', body, action: { buttons } } };
  }
  return {
    type: 'interactive',
    interactive: { type: 'list', body, action: { button: choices.button, sections: [{ title: choices.button, rows: choices.options }] } },
  };
}

type Shown = Omit<ParsedOf<typeof messages.deliver>, 'choices'> & { readonly choices: OfferedChoices | null };
function bodyOf({ to, isGroup, text, replyTo, template, choices, media }: Shown, mediaId: string | null): object {
  const whole = {
    messaging_product: 'whatsapp',
    recipient_type: isGroup ? 'group' : 'individual',
    ...(isUserId(to) && !isGroup ? { recipient: to } : { to }),
    ...(replyTo === null ? {} : { context: { message_id: replyTo } }),
  };
  if (media !== null && mediaId !== null) return { ...whole, ...mediaOf(media, mediaId, text) };
  if (choices !== null) return { ...whole, ...interactiveOf(choices, text) };
  if (template === null) return { ...whole, type: 'text', text: { body: text, preview_url: false } };
  const { name, language, parameters } = template;
  const components =
    parameters.length === 0 ? [] : [{ type: 'body', parameters: parameters.map((each) => ({ type: 'text', text: each })) }];
  return { ...whole, type: 'template', template: { name, language: { code: language }, components } };
}

/** Error codes of the Graph API and their reasons. All of them mean that the message was not accepted. */
const meanings: readonly (readonly [readonly number[], Code, string])[] = [
  [[4, 80007, 130429], 'resource_exhausted', 'rate_limited'],
  [[131056], 'resource_exhausted', 'pair_limited'],
  [[2, 131000, 131016], 'unavailable', 'upstream_busy'],
  [[0, 190], 'failed_precondition', 'upstream_credentials'],
  [[3, 10], 'failed_precondition', 'upstream_permission'],
  [[131047], 'failed_precondition', 'window_closed'],
  [[131026], 'failed_precondition', 'undeliverable'],
  [[131049], 'failed_precondition', 'marketing_cap'],
  [[130472], 'failed_precondition', 'experiment'],
  [[131048], 'failed_precondition', 'spam'],
  [[131042], 'failed_precondition', 'payment'],
  [[133010], 'failed_precondition', 'not_registered'],
  [[368, 131031], 'failed_precondition', 'account_blocked'],
  [[132000, 132001, 132005, 132007, 132012, 132015, 132016], 'failed_precondition', 'template_refused'],
  [[100, 131008, 131009, 131051, 131052, 131053], 'failed_precondition', 'upstream_rejected'],
];
/** The pair limit allows one message in 6 s. */
const pairLimitMs = 6_000;
function refusal(answer: HttpAnswer): PolybError {
  const plain = httpFailure(answer, 'Sending the message');
  const code = codeOf(answer);
  if (code === null) return plain;
  const [, meant, reason] = meanings.find(([codes]) => codes.includes(code)) ?? (code >= 200 && code < 300 ? permission : []);
  // Code 1 and unknown codes say nothing about the outcome: the status decides.
  if (meant === undefined || reason === undefined) return plain;
  return new PolybError(meant, `WhatsApp refused the message with error ${code}.`, {
    reason,
    evidence: plain.evidence,
    ...(meant === 'resource_exhausted' ? { retryAfterMs: plain.retryAfterMs ?? pairLimitMs } : {}),
  });
}
const permission = [[], 'failed_precondition', 'upstream_permission'] as const;
function codeOf(answer: HttpAnswer): number | null {
  try {
    const { error } = answer.json() as { error?: { readonly code?: unknown } };
    return typeof error?.code === 'number' ? error.code : null;
  } catch {
    return null; // Not a reply of the Graph API but of a proxy; its status is all that is known.
  }
}
