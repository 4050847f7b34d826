/**
 * Deliveries of amoCRM: a form with nested keys, `leads[update][0][id]=…`, whose values are all text. There is no signature; the id of
 * the account is compared. Source: amoCRM documentation, Webhooks.
 */
import { sameSecret } from '../../channel/same-secret.ts';
import type { ChangedEntity, VendorChange, Webhooks } from '../../crm-webhook.ts';
import { badBody, badSignature, formOf } from '../../delivery.ts';
import { type AmoSettings, isDealPipeline } from './settings.ts';

const changes: Readonly<Record<string, VendorChange['change']>> = {
  add: 'created',
  update: 'updated',
  status: 'updated',
  delete: 'deleted',
};
type Row = Readonly<Record<string, string>>;
/** Null for what the contract lacks. */
type EntityOf = (place: string, row: Row) => ChangedEntity | null;

/** Companies arrive as contacts. */
export function crmEntity(settings: AmoSettings): EntityOf {
  return (place, { type, pipeline_id: pipelineId }) => {
    if (place === 'leads') return isDealPipeline(settings, Number(pipelineId)) ? 'deal' : 'lead';
    if (place === 'contacts') return type === 'company' ? null : 'contact';
    return place === 'task' ? 'task' : null;
  };
}
/** Appointments are tasks; which of them are, only the task itself says. */
export const bookingEntity: EntityOf = (place) => (place === 'task' ? 'appointment' : null);

export function amoWebhooks({ AMOCRM_ACCOUNT_ID: accountId }: Pick<AmoSettings, 'AMOCRM_ACCOUNT_ID'>, entityOf: EntityOf): Webhooks {
  return {
    read({ body }) {
      const form = formOf(body, 'amoCRM');
      const account = form.get('account[id]');
      if (account === null) throw badBody('Expected account[id] in a delivery of amoCRM.');
      if (accountId !== undefined && !sameSecret(account, String(accountId)))
        throw badSignature('This delivery is of another account of amoCRM than AMOCRM_ACCOUNT_ID.');
      return [...rowsOf(form)].flatMap(([at, row]): readonly VendorChange[] => {
        const [place = '', action = ''] = at.split(' ');
        const [change, entity] = [changes[action], entityOf(place, row)];
        if (change === undefined || entity === null) return [];
        const { id = '' } = row;
        if (!/^[1-9]\d{0,15}$/.test(id)) throw badBody(`Expected ${place}[${action}][…][id] in a delivery of amoCRM.`);
        return [{ entity, id, change }];
      });
    },
  };
}

/** The fields of each record, by `<place> <action> <number>`. Fields with more levels are left out. */
function rowsOf(form: URLSearchParams): ReadonlyMap<string, Row> {
  const rows = new Map<string, Record<string, string>>();
  for (const [name, value] of form) {
    const [, place, action, nth, field] = /^(leads|contacts|task)\[(add|update|status|delete)\]\[(\d+)\]\[(\w+)\]$/.exec(name) ?? [];
    if (field === undefined) continue;
    const at = `${place} ${action} ${nth}`;
    const row = rows.get(at) ?? (Object.create(null) as Record<string, string>);
    row[field] = value;
    rows.set(at, row);
  }
  return rows;
}
