/**
 * Deliveries of EspoCRM: a JSON array of records, signed with the secret of its webhook. A webhook has one event, which the body does not
 * name; the address does: `…/webhooks/main/<secret>?event=Lead.update`. Source: EspoCRM documentation, Development / Webhooks.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { sameSecret } from '../../channel/same-secret.ts';
import type { ChangedEntity, VendorChange, Webhooks } from '../../crm-webhook.ts';
import { badBody, badSignature, jsonOf } from '../../delivery.ts';

/** `id:secret,id:secret`: a secret for each webhook. */
export const webhookSecrets = z
  .string()
  .max(10_000)
  .transform((written) => written.split(',').map((pair) => pair.split(':').map((part) => part.trim())))
  .pipe(z.array(z.tuple([z.string().min(1).max(64), z.string().min(1).max(500)])).max(100))
  .transform((pairs): ReadonlyMap<string, string> => new Map(pairs))
  .meta({ expected: 'an id and a secret for each webhook: id:secret,id:secret', secret: true });

export const crmEntities: Readonly<Record<string, ChangedEntity>> = { Contact: 'contact', Lead: 'lead', Opportunity: 'deal', Task: 'task' };
export const bookingEntities: Readonly<Record<string, ChangedEntity>> = { Meeting: 'appointment' };

const changes: Readonly<Record<string, VendorChange['change']>> = { create: 'created', update: 'updated', delete: 'deleted' };
/** An update has the changed attributes only. */
const Records = z.array(z.object({ id: z.string().regex(/^[\w-]{1,64}$/) })).max(1000);

export function espoWebhooks(
  secrets: ReadonlyMap<string, string> | undefined,
  entities: Readonly<Record<string, ChangedEntity>>,
): Webhooks {
  return {
    read({ headers, query, body }) {
      verify(headers.signature ?? '', body, secrets);
      const [, name = '', action = ''] = /^(\w+)\.(create|update|delete|fieldUpdate)(?:\.\w+)?$/.exec(query.event ?? '') ?? [];
      if (name === '')
        throw badBody('The address of a webhook of EspoCRM ends with the event of the webhook, e.g. ?event=Lead.update: add it there.');
      const records = Records.safeParse(jsonOf(body, 'EspoCRM'));
      if (!records.success) throw badBody('Expected an array of at most 1000 records with ids in a delivery of EspoCRM.');
      const entity = Object.hasOwn(entities, name) ? entities[name] : undefined;
      if (entity === undefined) return [];
      return records.data.map(({ id }) => ({ entity, id, change: changes[action] ?? 'updated' }));
    },
  };
}

/** The header is `base64(<id of the webhook>:<HMAC of the body>)`. */
function verify(signature: string, body: Uint8Array, secrets: ReadonlyMap<string, string> | undefined): void {
  const [id = '', digest = ''] = Buffer.from(signature, 'base64').toString('latin1').split(':');
  const secret = secrets?.get(id);
  const expected = createHmac('sha256', secret ?? '')
    .update(body)
    .digest('hex');
  if (secret === undefined || !sameSecret(digest, expected))
    throw badSignature('The signature of this delivery is of no webhook in ESPOCRM_WEBHOOK_SECRETS; add its id and its secret there.');
}
