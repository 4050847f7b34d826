/**
 * Leads in amoCRM, which are its deals too: `create_lead` opens one in AMOCRM_PIPELINE_ID, `create_deal` in AMOCRM_DEAL_PIPELINE_ID.
 * A lead has no text of its own, so a comment is a note, written after the lead; a look-up writes it if it is missing.
 */
import type { crm } from '../../../contracts/crm.ts';
import { type Effect, lookUp, type Method, type OutputOf, type ParsedOf } from '../../../contracts/kit/define.ts';
import { PolybError, toPolybError } from '../../../contracts/kit/errors.ts';
import { type Crm, fractionDigits } from '../../crm/port.ts';
import type { AmoClient, AmoRecord } from './client.ts';
import {
  carriesReference,
  createdMs,
  hasReferenceLine,
  idIn,
  leadIdsOf,
  requiredId,
  secondsOf,
  tagOf,
  withReferenceLine,
} from './records.ts';
import { type AmoSettings, isDealPipeline, statusIdsOf } from './settings.ts';

/** Closed in every pipeline. */
export const [won, lost] = [142, 143];
/** A query with more ids may be too long for a URL. */
const mostLeads = 100;

/** The newest leads of a contact, deals too. */
export async function leadsOfContact(amo: AmoClient, contactId: string, signal: AbortSignal): Promise<readonly AmoRecord[]> {
  const id = idIn(contactId);
  const contact = id === null ? null : await amo.get(`contacts/${id}`, [['with', 'leads']], signal);
  const ids = contact === null ? [] : leadIdsOf(contact).slice(0, mostLeads);
  if (ids.length === 0) return [];
  const leads = await amo.list('leads', 'leads', [...ids.map((each) => ['filter[id][]', each] as const), ['order[id]', 'desc']], {
    signal,
  });
  return leads.filter((lead) => ids.includes(lead.id)).sort((a, b) => b.id - a.id);
}

export function leadsIn(
  amo: AmoClient,
  settings: AmoSettings,
): Pick<Crm, 'findOpenLead' | 'updateLeadStatus' | 'createLead' | 'createDeal'> {
  const {
    AMOCRM_LEAD_REFERENCE_FIELD_ID: referenceFieldId,
    AMOCRM_PIPELINE_ID: pipelineId,
    AMOCRM_DEAL_PIPELINE_ID: dealPipelineId,
  } = settings;
  const statusIds = statusIdsOf(settings);
  const closed: readonly unknown[] = [won, lost, statusIds.converted, statusIds.dead];

  const leadsOf = (contactId: string, signal: AbortSignal) => leadsOfContact(amo, contactId, signal);

  interface NewLead {
    readonly name: string;
    readonly contactId: string;
    readonly attributes: object;
    readonly tags: readonly string[];
    readonly fields: readonly object[];
    readonly note: string | undefined;
  }
  async function addNote(leadId: number, text: string, ref: string, signal: AbortSignal): Promise<void> {
    const params = { text: withReferenceLine(ref, text) };
    await amo.create(`leads/${leadId}/notes`, 'notes', { note_type: 'common', params }, signal);
  }
  function effect<M extends Method>(newLead: (input: ParsedOf<M>) => NewLead, outputOf: (leadId: string) => OutputOf<M>): Effect<M> {
    return {
      async attempt(input, { ref, signal }) {
        const { name, contactId, attributes, tags, fields, note } = newLead(input);
        const isTagged = referenceFieldId === undefined;
        const allTags = isTagged ? [...tags, tagOf(ref)] : tags;
        const allFields = isTagged ? fields : [...fields, { field_id: referenceFieldId, values: [{ value: ref }] }];
        const leadId = await amo.create(
          'leads',
          'leads',
          {
            name,
            ...attributes,
            responsible_user_id: settings.AMOCRM_RESPONSIBLE_USER_ID,
            ...(allFields.length > 0 && { custom_fields_values: allFields }),
            _embedded: {
              contacts: [{ id: requiredId('contact', contactId), is_main: true }],
              ...(allTags.length > 0 && { tags: allTags.map((tag) => ({ name: tag })) }),
            },
          },
          signal,
        );
        if (note !== undefined)
          await addNote(leadId, note, ref, signal).catch((thrown: unknown) => {
            throw withoutNote(thrown);
          });
        return outputOf(String(leadId));
      },
      onUnknown: lookUp<OutputOf<M>, ParsedOf<M>>(settings.AMOCRM_SETTLE_MS, async ({ ref, input }, signal) => {
        const { contactId, note } = newLead(input);
        const lead = (await leadsOf(contactId, signal)).find((each) => carriesReference(each, ref, referenceFieldId));
        if (lead === undefined) return null;
        if (note !== undefined) {
          const notes = await amo.list(`leads/${lead.id}/notes`, 'notes', [['filter[note_type]', 'common']], { signal });
          if (!notes.some(({ params }) => hasReferenceLine((params as { text?: unknown } | null)?.text, ref)))
            await addNote(lead.id, note, ref, signal);
        }
        return outputOf(String(lead.id));
      }),
    };
  }

  return {
    async findOpenLead(contactId, since, signal) {
      const open = (await leadsOf(contactId, signal)).find(
        (lead) =>
          !closed.includes(lead.status_id) &&
          lead.is_deleted !== true &&
          !isDealPipeline(settings, lead.pipeline_id) &&
          createdMs(lead) >= since.getTime(),
      );
      if (open === undefined) return null;
      const createdById = typeof open.created_by === 'number' ? String(open.created_by) : null;
      return { leadId: String(open.id), createdById, createdAt: new Date(createdMs(open)).toISOString() };
    },
    async updateLeadStatus(leadId, status, signal) {
      const id = idIn(leadId);
      const statusId = statusIds[status];
      if (id === null) throw new PolybError('not_found', `amoCRM has no lead ${leadId}.`);
      if (statusId === undefined)
        throw new PolybError(
          'failed_precondition',
          `Set AMOCRM_STATUS_${status.toUpperCase()}_ID: amoCRM's statuses have no fixed meaning.`,
          {
            reason: 'crm_rejected',
            data: { field: 'status' },
          },
        );
      const moves = statusId !== won && statusId !== lost && pipelineId !== undefined;
      await amo.update(`leads/${id}`, { status_id: statusId, ...(moves && { pipeline_id: pipelineId }) }, signal);
    },
    createLead: effect<typeof crm.create_lead>(
      ({ contactId, firstName, lastName, source, comment }) => ({
        contactId,
        name: [firstName, lastName].filter(Boolean).join(' '),
        attributes: { pipeline_id: pipelineId, status_id: statusIds.new },
        tags: [source],
        fields: [],
        note: comment === undefined || comment === '' ? undefined : comment,
      }),
      (leadId) => ({ leadId, createdById: null, created: true }),
    ),
    createDeal: effect<typeof crm.create_deal>(
      ({ contactId, title, amount, closeAt, stage }) => {
        const { AMOCRM_CLOSE_DATE_FIELD_ID: closeDateFieldId, AMOCRM_CURRENCY: currency } = settings;
        const refused = (field: string, text: string) =>
          new PolybError('failed_precondition', text, { reason: 'crm_rejected', data: { field } });
        if (amount.currency !== currency)
          throw refused('amount', `Deals of this amoCRM are in ${currency} (AMOCRM_CURRENCY), not in ${amount.currency}.`);
        const statusId = stage === undefined ? undefined : idIn(stage);
        if (statusId === null) throw refused('stage', 'A stage of amoCRM is the id of a status, e.g. 142.');
        return {
          contactId,
          name: title,
          // The price is in whole units.
          attributes: {
            price: Math.round(amount.amountMinor / 10 ** fractionDigits(currency)),
            pipeline_id: dealPipelineId ?? pipelineId,
            status_id: statusId,
          },
          tags: [],
          fields: closeDateFieldId === undefined ? [] : [{ field_id: closeDateFieldId, values: [{ value: secondsOf(closeAt) }] }],
          note: closeDateFieldId === undefined ? `Expected close: ${closeAt}` : undefined,
        };
      },
      (dealId) => ({ dealId }),
    ),
  };
}

/** The lead exists: whatever became of its note, the attempt must not be repeated before a look-up. */
function withoutNote(thrown: unknown): PolybError {
  const { message, evidence } = toPolybError(thrown);
  return new PolybError('upstream_failed', `The lead was created, its note was not: ${message}`, { evidence, cause: thrown });
}
