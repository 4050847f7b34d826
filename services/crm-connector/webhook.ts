/** Deliveries of providers: verified, stored, and only then acknowledged. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Webhooks } from '../../adapters/crm-webhook.ts';
import { type Commit, type Connections, connectionFor, type Handler } from '../../bus/service.ts';
import type { crm } from '../../contracts/crm.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type Kind, putIncoming } from './rows/incoming.ts';

/** The secret part of the address to which a provider delivers. */
export function webhookSecret(key: Uint8Array, kind: Kind, connection: string): string {
  return createHmac('sha256', key).update(`${kind} ${connection}`).digest('base64url');
}

export interface Deliveries {
  /** 32 bytes that no other purpose uses. */
  readonly key: () => Uint8Array;
  readonly commit: Commit;
  readonly settleMs: number;
}
export function webhook(
  kind: Kind,
  connections: Connections<{ readonly webhooks?: Webhooks }>,
  { key, commit, settleMs }: Deliveries,
): Handler<typeof crm.webhook> {
  return async ({ connection, secret, headers, query, body = new Uint8Array() }) => {
    const expected = Buffer.from(webhookSecret(key(), kind, connection));
    const given = Buffer.from(secret);
    // An address with a wrong secret does not say whether there is such a connection.
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new PolybError(
        'permission_denied',
        'The secret of this address is wrong; polyb crm connections --webhooks shows the address.',
        {
          reason: 'bad_signature',
        },
      );
    const { webhooks } = connectionFor(connections, { connection });
    if (webhooks === undefined)
      throw new PolybError('not_found', `The connection ${connection} reads no deliveries.`, { reason: 'no_webhook' });
    const changes = webhooks.read({ headers, query, body });
    if (changes.length > 0) await commit((tx) => putIncoming(tx, { kind, connection }, changes, settleMs));
    return { changes: changes.length };
  };
}
