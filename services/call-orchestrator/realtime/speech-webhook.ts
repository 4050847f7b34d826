/** Deliveries about calls that wait at a provider of speech models: verified, stored, and only then acknowledged. */
import type { SipCalls } from '../../../adapters/realtime/port.ts';
import type { Handler, Queries } from '../../../bus/service.ts';
import type { calls } from '../../../contracts/calls.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { insertSpeechCall } from './speech-call-rows.ts';

/** @param stored a call waits to be answered */
export function speechWebhook(
  sip: SipCalls | undefined,
  { db, now, stored }: { readonly db: Queries; readonly now: () => number; readonly stored: () => void },
): Handler<typeof calls.speech_webhook> {
  return async ({ headers, body = new Uint8Array() }) => {
    if (sip === undefined)
      throw new PolybError('not_found', 'No speech model here takes calls; set OPENAI_WEBHOOK_SECRET.', { reason: 'no_webhook' });
    const call = sip.read({ headers, body });
    if (call === null) return { isFirst: false };
    const isFirst = await insertSpeechCall(db, call, new Date(now()));
    if (isFirst) stored();
    return { isFirst };
  };
}
