/** What this system writes to a CRM, so that the echo of it is no news. */
import type { Crm } from '../../adapters/crm/port.ts';
import { subjectOf } from '../../adapters/crm/port.ts';
import type { ChangedEntity } from '../../adapters/crm-webhook.ts';
import type { Log, Queries } from '../../bus/service.ts';
import type { Effect, Method, OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { markWritten } from './rows/known.ts';

interface Written {
  readonly entity: ChangedEntity;
  readonly id: string;
}
/** The adapter, whose writes are remembered if the CRM delivers changes. */
export function rememberingWrites(crm: Crm, connection: string, { db, log }: { readonly db: Queries; readonly log: Log }): Crm {
  if (crm.webhooks === undefined) return crm;
  async function remember(...written: readonly Written[]): Promise<void> {
    try {
      for (const { entity, id } of written) await markWritten(db, { kind: 'crm', connection, entity, id });
    } catch (error) {
      // The write is done; its echo may be reported as news.
      log.warn({ err: error, connection }, 'an own write could not be remembered');
    }
  }
  const noted = <M extends Method>(effect: Effect<M>, of: (input: ParsedOf<M>, output: OutputOf<M>) => Written): Effect<M> => ({
    ...effect,
    async attempt(input, at) {
      const output = await effect.attempt(input, at);
      await remember(of(input, output));
      return output;
    },
  });
  const about = ({ kind, id }: { readonly kind: 'lead' | 'contact' | 'deal'; readonly id: string }): Written => ({ entity: kind, id });
  return {
    ...crm,
    async updateLeadStatus(leadId, status, signal) {
      await crm.updateLeadStatus(leadId, status, signal);
      await remember({ entity: 'lead', id: leadId });
    },
    createContact: noted(crm.createContact, (_, { contactId }) => ({ entity: 'contact', id: contactId })),
    createLead: noted(crm.createLead, (_, { leadId }) => ({ entity: 'lead', id: leadId })),
    createDeal: noted(crm.createDeal, (_, { dealId }) => ({ entity: 'deal', id: dealId })),
    createTask: noted(crm.createTask, (_, { taskId }) => ({ entity: 'task', id: taskId })),
    // A note or a call changes the record that it is about.
    addNote: noted(crm.addNote, (input) => about(input.about)),
    logCall: noted(crm.logCall, (input) => about(subjectOf(input))),
    updateContact: noted(crm.updateContact, ({ contactId }) => ({ entity: 'contact', id: contactId })),
  };
}
