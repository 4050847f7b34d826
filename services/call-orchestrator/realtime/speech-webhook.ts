/** Webhook deliveries about calls waiting at a provider of speech models: verified, stored, and only then acknowledged. */
import { randomUUID } from 'node:crypto';
import type { SipCalls, WaitingSipCall } from '../../../adapters/realtime/port.ts';
import type { Bus, Handler, Tx } from '../../../bus/service.ts';
import { calls } from '../../../contracts/calls.ts';
import { Phone } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { callsRefused } from '../metrics.ts';
import { type Routes, routeOfLine } from '../routes.ts';
import { insertInboundCall } from '../rows.ts';
import { insertSpeechCall, nameSpeechCall } from './speech-call-rows.ts';

interface Parts {
  readonly bus: Pick<Bus, 'commit'>;
  readonly routes: Routes;
  readonly now: () => number;
  /** Called when a call is waiting for an answer. */
  readonly stored: () => void;
}

export function speechWebhook(sip: SipCalls | undefined, { bus, routes, now, stored }: Parts): Handler<typeof calls.speech_webhook> {
  return async ({ headers, body = new Uint8Array() }) => {
    if (sip === undefined)
      throw new PolybError('not_found', 'No speech model here takes calls; set OPENAI_WEBHOOK_SECRET.', { reason: 'no_webhook' });
    const waiting = sip.read({ headers, body });
    if (waiting === null) return { isFirst: false };
    const isFirst = await bus.commit(async (tx) => {
      if (!(await insertSpeechCall(tx, waiting, new Date(now())))) return false;
      const route = routeOfLine(routes, waiting.line);
      // A call to a number without a route is refused and not listed, as at a gateway.
      if (route?.kind === 'realtime' || route?.kind === 'people') await list(tx, waiting, sip.provider, new Date(now()));
      else tx.count(callsRefused, { cause: 'wrong_number' });
      return true;
    });
    if (isFirst) stored();
    return { isFirst };
  };
}
async function list(tx: Tx, waiting: WaitingSipCall, provider: string, createdAt: Date): Promise<void> {
  const callId = `call_${randomUUID()}`;
  const phoneNumber = Phone.safeParse(waiting.phoneNumber).data ?? null;
  const call = await insertInboundCall(tx, {
    callId,
    provider,
    phoneNumber,
    line: waiting.line === '' ? 'unknown' : waiting.line,
    createdAt,
  });
  await nameSpeechCall(tx, waiting, callId);
  const step = { callId, leadId: null, direction: 'in' as const, at: call?.createdAt ?? createdAt.toISOString() };
  tx.emit(calls.call_started, step);
  tx.emit(calls.call_ringing, step);
}
