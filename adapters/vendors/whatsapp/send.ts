/**
 * Sending through the WhatsApp Cloud API (developers.facebook.com/docs/whatsapp/cloud-api/reference/messages, …/support/error-codes).
 * 200 means accepted, not delivered: statuses report the rest. It does not recognise repeats, so an attempt without a clear
 * reply goes to review.
 */
import type { z } from 'zod';
import { type ParsedOf, review } from '../../../contracts/kit/define.ts';
import { type Code, PolybError } from '../../../contracts/kit/errors.ts';
import type { messages } from '../../../contracts/messages.ts';
import type { Sending } from '../../channel/port.ts';
import type { Deps, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { whatsappSettings } from './intake.ts';

export const whatsappSendSettings = whatsappSettings.pick({
  WHATSAPP_TOKEN: true,
  WHATSAPP_API_ROOT: true,
  WHATSAPP_API_VERSION: true,
});

export function whatsappSend(options: z.output<typeof whatsappSendSettings>, { http, now }: Pick<Deps, 'http' | 'now'>): Sending {
  const { WHATSAPP_TOKEN: token, WHATSAPP_API_ROOT: root, WHATSAPP_API_VERSION: version } = options;
  return {
    deliver: {
      async attempt(message, { signal }) {
        if (token === undefined)
          throw new PolybError('failed_precondition', 'WHATSAPP_TOKEN is not set; nothing can be sent.', { reason: 'no_token' });
        const answer = await http({
          method: 'POST',
          url: `${root}/${version}/${encodeURIComponent(message.botId)}/messages`,
          operation: 'messages',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(bodyOf(message)),
          signal,
        });
        if (answer.status !== 200) throw refusal(answer);
        const { messages: taken } = answer.json() as { messages?: readonly { readonly id?: unknown }[] };
        const id = taken?.[0]?.id;
        if (typeof id !== 'string' || id === '' || id.length > 128)
          throw new PolybError('upstream_failed', 'WhatsApp accepted the message without returning its id.', { reason: 'bad_reply' });
        const { to, text, replyTo } = message;
        return { externalId: id, to, text, threadId: null, replyTo, at: new Date(now()).toISOString() };
      },
      onUnknown: review,
    },
    // One message to one person in 6 s (error 131056), 80 a second from one number (error 130429).
    quotas: ({ botId, to }) => [
      { bucket: `whatsapp:${botId}:to:${to}`, limit: 1, windowMs: 6_000 },
      { bucket: `whatsapp:${botId}`, limit: 80, windowMs: 1_000, startsCooldown: (reason) => reason !== 'pair_limited' },
    ],
  };
}

/** A person without a phone. In `to` the id would be accepted and dropped: the API reads its digits as a phone. */
const isUserId = (to: string) => /^[A-Z]{2}\./.test(to);

function bodyOf({ to, isGroup, text, replyTo, template }: ParsedOf<typeof messages.deliver>): object {
  const whole = {
    messaging_product: 'whatsapp',
    recipient_type: isGroup ? 'group' : 'individual',
    ...(isUserId(to) && !isGroup ? { recipient: to } : { to }),
    ...(replyTo === null ? {} : { context: { message_id: replyTo } }),
  };
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
