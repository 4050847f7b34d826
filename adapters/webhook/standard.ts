/** Requests signed by Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md). */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { httpFailure } from '../http-failure.ts';
import type { Webhooks } from './port.ts';

export const standardSettings = z.object({});
const timeoutMs = 15_000;

export function standardWebhooks(_: object, { http, now }: Pick<Deps, 'http' | 'now'>): Webhooks {
  return {
    async post({ url, id, body, secrets, signal }) {
      const timestamp = String(Math.floor(now() / 1000));
      const answer = await http({
        method: 'POST',
        url,
        operation: 'deliver',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': secrets.map((secret) => signatureOf(secret, `${id}.${timestamp}.${body}`)).join(' '),
        },
        body,
        signal,
        timeoutMs,
        // Only the status of the reply matters.
        maxBytes: 65_536,
      });
      if (answer.status < 200 || answer.status > 299) throw httpFailure(answer, 'The webhook');
    },
  };
}

function signatureOf(secret: string, signed: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
