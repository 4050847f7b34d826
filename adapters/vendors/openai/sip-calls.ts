/**
 * The SIP connectors of OpenAI's Realtime API and of GPT-Live: webhooks of waiting calls, and actions on calls. The audio stays between the
 * carrier and the provider. Source: OpenAI API reference, Realtime calls, Live sessions and Webhooks; Standard Webhooks 1.0 for the
 * signature.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import type { SipCalls } from '../../realtime/port.ts';
import { openSession, sessionOf } from '../../realtime/session.ts';
import { type LiveOptions, liveSessionOf, openLiveSession } from './live-session.ts';
import { type OpenAiRealtimeOptions, wireOf } from './realtime.ts';

/** Deliveries with a timestamp further away are refused. */
const windowMs = 300_000;
const SipHeader = z.object({ name: z.string().max(200), value: z.string().max(8_192) });
const Delivery = z.object({ type: z.string().max(100), data: z.record(z.string().max(100), z.unknown()).optional() });
const sip_headers = z.array(SipHeader).max(200).default([]);
/** The subject of each type of delivery. The deprecated form of live calls has no transport type. */
const deliveries = {
  'realtime.call.incoming': z.object({ call_id: z.string().min(1).max(200), sip_headers }),
  'live.transport.incoming': z.object({ type: z.string().max(32), session_id: z.string().min(1).max(200), sip_headers }),
  'live.call.incoming': z.object({ session_id: z.string().min(1).max(200), sip_headers }),
} as const;
/** Prefix for a call of GPT-Live, by its session; all others belong to the Realtime API. */
const live = 'live:';

export function openAiSipCalls(
  options: OpenAiRealtimeOptions & LiveOptions & { readonly webhookSecret: string },
  { http, now }: Pick<Deps, 'http' | 'now'>,
): SipCalls {
  const sessionOfCall = (callId: string): string | null => (callId.startsWith(live) ? callId.slice(live.length) : null);
  function urlOf(callId: string): string {
    const session = sessionOfCall(callId);
    const path = session === null ? `${options.url}/calls/` : `${options.liveUrl}/sessions/`;
    return path.replace(/^ws/, 'http') + encodeURIComponent(session ?? callId);
  }
  async function post(callId: string, action: string, body: object, signal: AbortSignal): Promise<void> {
    const answer = await http({
      ...{ method: 'POST', url: `${urlOf(callId)}/${action}`, operation: action, signal },
      headers: { authorization: `Bearer ${options.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (answer.status > 299) throw httpFailure(answer, `The call (${action})`);
  }
  return {
    provider: 'openai',
    read({ headers, body }) {
      verify(options.webhookSecret, headers, body, now());
      const delivery = parsed(Delivery, body);
      const form = Object.entries(deliveries).find(([type]) => type === delivery.type)?.[1];
      if (form === undefined) return null;
      const read = form.safeParse(delivery.data);
      if (!read.success) throw unreadable(read.error);
      const { data } = read;
      if ('type' in data && data.type !== 'sip') return null;
      const callId = 'call_id' in data ? data.call_id : `${live}${data.session_id}`;
      const header = (name: string): string | undefined => data.sip_headers.find((each) => each.name.toLowerCase() === name)?.value;
      return {
        callId,
        // A waiting call may be announced to both interfaces; the first delivery decides.
        ref: (header('call-id') ?? callId).slice(0, 300),
        line: userOf(header('to')) ?? '',
        phoneNumber: userOf(header('from')),
      };
    },
    accept(callId, setup, signal) {
      if (sessionOfCall(callId) !== null) return post(callId, 'accept', { session: liveSessionOf(options, setup) }, signal);
      const wire = wireOf(options, {});
      const { audio, ...session } = sessionOf(wire, { ...setup, turns: 'server_vad' });
      const { transcription } = audio.input;
      // The provider has the audio, so it handles turns and interruptions itself.
      const turn_detection = { type: 'server_vad', create_response: true, interrupt_response: true };
      const { voice } = audio.output as { readonly voice?: string };
      return post(
        callId,
        'accept',
        {
          ...session,
          model: options.model,
          audio: { input: { transcription, turn_detection }, output: { ...(voice === undefined ? {} : { voice }) } },
        },
        signal,
      );
    },
    attach(callId, setup, signal) {
      const session = sessionOfCall(callId);
      if (session !== null) return openLiveSession(options, session, { now, signal });
      return openSession(wireOf(options, { call_id: callId }), { ...setup, turns: 'server_vad' }, signal, true);
    },
    refer: (callId, targetUri, signal) => post(callId, 'refer', { target_uri: targetUri }, signal),
    reject: (callId, status, signal) => post(callId, 'reject', { status_code: status }, signal),
    hangUp: (callId, signal) => post(callId, 'hangup', {}, signal),
  };
}

function verify(secret: string, headers: Readonly<Record<string, string>>, body: Uint8Array, now: number): void {
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '', 'webhook-signature': signatures = '' } = headers;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  const isSigned = signatures.split(' ').some((each) => {
    const given = Buffer.from(each.startsWith('v1,') ? each.slice('v1,'.length) : '', 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  const isFresh = /^\d{1,12}$/.test(timestamp) && Math.abs(now - Number(timestamp) * 1_000) <= windowMs;
  if (!isSigned || !isFresh)
    throw new PolybError(
      'permission_denied',
      'The signature of the webhook is wrong or too old; check OPENAI_WEBHOOK_SECRET and the clock.',
      {
        reason: 'bad_signature',
      },
    );
}
function parsed<S extends z.ZodType>(schema: S, body: Uint8Array): z.output<S> {
  try {
    return schema.parse(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch (cause) {
    throw unreadable(cause);
  }
}
const unreadable = (cause: unknown): PolybError =>
  new PolybError('invalid_argument', 'The webhook cannot be read.', { reason: 'bad_delivery', cause });
/** `"Anna" <sip:+74951234567@host>;tag=1` → `+74951234567`. The caller writes these headers, so they prove nothing. */
function userOf(header: string | undefined): string | null {
  return /sips?:([^@;>\s]{1,64})@/.exec(header ?? '')?.[1] ?? null;
}
