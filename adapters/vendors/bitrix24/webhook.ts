/**
 * Events of Bitrix24: a form with the name of the event, the id of the record, and the token of the application or the outgoing webhook
 * that subscribed. Source: b24restdocs, api-reference/events.
 */
import { sameSecret } from '../../channel/same-secret.ts';
import type { ChangedEntity, VendorChange, Webhooks } from '../../crm-webhook.ts';
import { badBody, badSignature, formOf } from '../../delivery.ts';
import { isItemId } from './contacts.ts';
import type { BitrixSettings } from './settings.ts';

const entities: Readonly<Record<string, ChangedEntity>> = { CRMLEAD: 'lead', CRMCONTACT: 'contact', CRMDEAL: 'deal', TASK: 'task' };
const changes: Readonly<Record<string, VendorChange['change']>> = { ADD: 'created', UPDATE: 'updated', DELETE: 'deleted' };
/** Of a task, the state before or after may be missing. */
const idFields = ['data[FIELDS][ID]', 'data[FIELDS_AFTER][ID]', 'data[FIELDS_BEFORE][ID]'];

export function bitrixWebhooks({ BITRIX24_APPLICATION_TOKEN: expected }: Pick<BitrixSettings, 'BITRIX24_APPLICATION_TOKEN'>): Webhooks {
  return {
    read({ body }) {
      const form = formOf(body, 'Bitrix24');
      const event = form.get('event');
      if (event === null) throw badBody('Expected the name of an event in a delivery of Bitrix24.');
      if (expected === undefined) throw badSignature('Set BITRIX24_APPLICATION_TOKEN, as the portal shows it beside the address.');
      if (!sameSecret(form.get('auth[application_token]') ?? '', expected))
        throw badSignature('The application_token of this event is not BITRIX24_APPLICATION_TOKEN.');
      const [, name = '', action = ''] = /^ON(CRMLEAD|CRMCONTACT|CRMDEAL|TASK)(ADD|UPDATE|DELETE)$/i.exec(event) ?? [];
      const [entity, change] = [entities[name.toUpperCase()], changes[action.toUpperCase()]];
      if (entity === undefined || change === undefined) return [];
      const id = idFields.map((field) => form.get(field) ?? '').find(isItemId);
      if (id === undefined) throw badBody('Expected the id of the record in an event of Bitrix24.');
      return [{ entity, id, change }];
    },
  };
}
