/**
 * SIP calls at the fake of the Realtime API: signed deliveries of `realtime.call.incoming`, and the words of the caller. Source: OpenAI
 * API reference, Webhooks; Standard Webhooks 1.0 for the signature.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { FakeReply, FakeRequest } from '../../fake-server.ts';
import type { FakeRealtime } from '../../realtime/realtime.fake.ts';

const Ring = z.strictObject({
  /** Phone of the caller, and the called number. */
  from: z.string().max(64).default('+79995550199'),
  to: z.string().max(64).default('100'),
  /** How often the call is announced, at the same time. */
  times: z.int().min(1).max(20).default(1),
  /** Where it is announced; default: the gateway of this checkout. */
  webhook: z
    .url({ protocol: /^https?$/ })
    .max(300)
    .optional(),
});
const Words = z.strictObject({ text: z.string().min(1).max(1_000) });
interface RingParts {
  readonly webhookUrl: string;
  /** `whsec_` and the key in base64. */
  readonly webhookSecret: string;
  /** The server, once it listens. */
  readonly server: () => FakeRealtime;
}

/** `POST /ring`, `/say` and `/hangup`; undefined for other requests. */
export function ringOrders({ webhookUrl, webhookSecret, server }: RingParts): (request: FakeRequest) => Promise<FakeReply> | undefined {
  let latest: string | undefined;
  async function ring(body: string): Promise<FakeReply> {
    const { from, to, times, webhook = webhookUrl } = Ring.parse(JSON.parse(body || '{}'));
    const callId = `rtc_${randomBytes(8).toString('hex')}`;
    latest = callId;
    const sip_headers = [
      { name: 'From', value: `<sip:${from}@carrier.example>;tag=1` },
      { name: 'To', value: `<sip:${to}@sip.api.openai.com>` },
      { name: 'Call-ID', value: `${callId}@carrier.example` },
    ];
    const delivery = JSON.stringify({ id: `evt_${callId}`, type: 'realtime.call.incoming', data: { call_id: callId, sip_headers } });
    const replies = await Promise.all(Array.from({ length: times }, () => deliver(webhook, `wh_${callId}`, delivery)));
    return { body: { callId, replies } };
  }
  async function deliver(webhook: string, id: string, body: string) {
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const key = Buffer.from(webhookSecret.slice('whsec_'.length), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    const headers = {
      'content-type': 'application/json',
      ...{ 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
    };
    const reply = await fetch(webhook, { method: 'POST', headers, body });
    return { status: reply.status, body: await reply.text() };
  }
  const orders: Readonly<Record<string, ((body: string) => Promise<FakeReply>) | undefined>> = {
    ring,
    say: async (body) => {
      const callId = latest;
      const isAttended = server().connections.some(({ query }) => query === `call_id=${callId}`);
      if (callId === undefined || !isAttended) return { status: 409, body: { error: 'no call is answered; POST /ring first' } };
      server().customerSays(Words.parse(JSON.parse(body)).text, { callId });
      return { body: true };
    },
    hangup: async () => {
      if (latest !== undefined) server().customerHangsUp(latest);
      return { body: true };
    },
  };
  return ({ method, path, body }) => (method === 'POST' ? orders[path]?.(body) : undefined);
}
