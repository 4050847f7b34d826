/**
 * Deliveries of a location: JSON with the kind of the record, its id and what was done. There is no signature; the location is compared.
 * Source: developers.yclients.com, Webhooks.
 */
import { z } from 'zod';
import { sameSecret } from '../../channel/same-secret.ts';
import type { ChangedEntity, VendorChange, Webhooks } from '../../crm-webhook.ts';
import { badBody, badSignature, jsonOf } from '../../delivery.ts';
import type { Platform, SalonOptions } from './platform.ts';
import { idOf } from './values.ts';

const changes: Readonly<Record<string, VendorChange['change']>> = { create: 'created', update: 'updated', delete: 'deleted' };
const Delivery = z.object({
  company_id: z.union([z.string(), z.number()]),
  resource: z.string(),
  resource_id: z.union([z.string(), z.number()]),
  status: z.string(),
});

/** @param entities by `resource`; other ones are left out */
export function salonWebhooks(
  { title }: Pick<Platform, 'title'>,
  { companyId }: Pick<SalonOptions, 'companyId'>,
  entities: Readonly<Record<string, ChangedEntity>>,
): Webhooks {
  return {
    read({ body }) {
      const { data } = Delivery.safeParse(jsonOf(body, title));
      if (data === undefined) throw badBody(`Expected company_id, resource, resource_id and status in a delivery of ${title}.`);
      if (!sameSecret(String(data.company_id), companyId))
        throw badSignature(`This delivery is of another location of ${title} than the one of the settings.`);
      const entity = Object.hasOwn(entities, data.resource) ? entities[data.resource] : undefined;
      const change = Object.hasOwn(changes, data.status) ? changes[data.status] : undefined;
      if (entity === undefined || change === undefined) return [];
      const id = idOf(data.resource_id);
      if (id === null) throw badBody(`Expected the number of a record in a delivery of ${title}.`);
      return [{ entity, id, change }];
    },
  };
}
