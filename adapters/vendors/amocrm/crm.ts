/**
 * amoCRM and Kommo (API v4). It has no idempotency keys: contacts and leads store a reference in a field or a tag, tasks and notes in
 * their text, calls as `uniq`. A lost request is looked up by the record that it belongs to, then by the reference.
 */
import type { crm } from '../../../contracts/crm.ts';
import { type Effect, lookUp, type Method, type OutputOf, type ParsedOf } from '../../../contracts/kit/define.ts';
import { type Crm, everything } from '../../crm/port.ts';
import type { Deps } from '../../deps.ts';
import { logCalls } from './calls.ts';
import { type AmoRecord, amoClient } from './client.ts';
import { leadsIn } from './leads.ts';
import { amoLists } from './lists.ts';
import { amoConsent } from './oauth.ts';
import { amoStates } from './record-state.ts';
import {
  carriesReference,
  contactFrom,
  createdMs,
  emailField,
  hasEmail,
  hasPhone,
  hasReferenceLine,
  idIn,
  mobile,
  noRecord,
  phoneField,
  phoneQueries,
  requiredId,
  secondsOf,
  storedPhones,
  tagOf,
  withReferenceLine,
} from './records.ts';
import { type AmoSettings, hasDeals } from './settings.ts';
import { amoWebhooks, crmEntity } from './webhook.ts';

const dayMs = 86_400_000;
const placeOf = (kind: 'lead' | 'contact' | 'deal') => (kind === 'contact' ? 'contacts' : 'leads');

export function amoCrm(settings: AmoSettings, deps: Deps): Crm {
  const amo = amoClient(settings, deps);
  const {
    AMOCRM_PHONE_COUNTRY: country,
    AMOCRM_CONTACT_REFERENCE_FIELD_ID: referenceFieldId,
    AMOCRM_RESPONSIBLE_USER_ID: responsibleUserId,
    AMOCRM_SETTLE_MS: settleMs,
  } = settings;

  /** The search covers all fields of a contact, so each hit is compared. */
  async function contactsWith(phoneNumber: string, signal: AbortSignal): Promise<readonly AmoRecord[]> {
    for (const [nth, query] of phoneQueries(phoneNumber).entries()) {
      const hits = await amo.list('contacts', 'contacts', [['query', query]], { signal, pages: nth === 0 ? 3 : 1 });
      const found = hits.filter((record) => hasPhone(record, phoneNumber, country));
      if (found.length > 0) return found.sort((a, b) => createdMs(a) - createdMs(b) || a.id - b.id).slice(0, 50);
    }
    return [];
  }
  /** An effect that adds something to a record, with the reference in a line of its text. */
  function addition<M extends Method>(
    path: (input: ParsedOf<M>) => string,
    name: string,
    attributesOf: (input: ParsedOf<M>, ref: string) => object,
    among: (input: ParsedOf<M>) => readonly (readonly [string, string | number])[],
    textOf: (record: AmoRecord) => unknown,
    outputOf: (id: string) => OutputOf<M>,
  ): Effect<M> {
    return {
      attempt: async (input, { ref, signal }) => outputOf(String(await amo.create(path(input), name, attributesOf(input, ref), signal))),
      onUnknown: lookUp<OutputOf<M>, ParsedOf<M>>(settleMs, async ({ ref, input }, signal) => {
        const records = await amo.list(path(input), name, [...among(input), ['order[id]', 'desc']], { signal });
        const found = records.find((record) => hasReferenceLine(textOf(record), ref));
        return found === undefined ? null : outputOf(String(found.id));
      }),
    };
  }

  return {
    ...(settings.AMOCRM_TOKEN === undefined && { consent: amoConsent(settings, deps) }),
    capabilities: () => ({
      crm: 'amocrm',
      methods: {
        ...everything,
        find_contact: 'emulated',
        find_open_lead: 'emulated',
        list_leads: 'emulated',
        list_deals: hasDeals(settings) ? 'emulated' : 'unsupported',
      },
    }),
    findContacts: async (phoneNumber, signal) => (await contactsWith(phoneNumber, signal)).map((record) => contactFrom(record, country)),
    ...leadsIn(amo, settings),
    ...amoLists(amo, settings, contactsWith),
    webhooks: amoWebhooks(settings, crmEntity(settings)),
    readRecord: amoStates(amo, settings),
    createContact: {
      async attempt({ firstName, lastName, phoneNumber, email }, { ref, signal }) {
        const reference = referenceFieldId === undefined ? [] : [{ field_id: referenceFieldId, values: [{ value: ref }] }];
        const id = await amo.create(
          'contacts',
          'contacts',
          {
            first_name: firstName,
            last_name: lastName,
            responsible_user_id: responsibleUserId,
            custom_fields_values: [phoneField(mobile(phoneNumber)), ...(email === undefined ? [] : [emailField(email)]), ...reference],
            ...(referenceFieldId === undefined && { _embedded: { tags: [{ name: tagOf(ref) }] } }),
          },
          signal,
        );
        return { contactId: String(id), created: true };
      },
      onUnknown: lookUp<OutputOf<typeof crm.create_contact>, ParsedOf<typeof crm.create_contact>>(
        settleMs,
        async ({ ref, input }, signal) => {
          const found = (await contactsWith(input.phoneNumber, signal)).find((record) => carriesReference(record, ref, referenceFieldId));
          return found === undefined ? null : { contactId: String(found.id), created: true };
        },
      ),
    },
    updateContact: {
      async attempt({ contactId, phoneNumber, email }, { signal }) {
        const id = idIn(contactId);
        const contact = id === null ? null : await amo.get(`contacts/${id}`, [], signal);
        if (contact === null) throw noRecord('contact', contactId);
        const isNew = phoneNumber !== undefined && !hasPhone(contact, phoneNumber, country);
        const isFirstEmail = email !== undefined && !hasEmail(contact);
        if (!isNew && !isFirstEmail) return { contactId, changed: false };
        const fields = [
          ...(isNew ? [phoneField(...storedPhones(contact), mobile(phoneNumber))] : []),
          ...(isFirstEmail ? [emailField(email)] : []),
        ];
        await amo.update(`contacts/${contact.id}`, { custom_fields_values: fields }, signal);
        return { contactId, changed: true };
      },
      // A second attempt finds what the first one added.
      onUnknown: lookUp(settleMs, async () => null),
    },
    createTask: addition<typeof crm.create_task>(
      () => 'tasks',
      'tasks',
      ({ about, subject, dueAt, text }, ref) => ({
        text: withReferenceLine(ref, subject, text),
        complete_till: secondsOf(dueAt ?? new Date(deps.now() + dayMs)),
        task_type_id: settings.AMOCRM_TASK_TYPE_ID,
        entity_id: requiredId(about.kind, about.id),
        entity_type: placeOf(about.kind),
        responsible_user_id: responsibleUserId,
      }),
      ({ about }) => [
        ['filter[entity_type]', placeOf(about.kind)],
        ['filter[entity_id][]', requiredId(about.kind, about.id)],
      ],
      ({ text }) => text,
      (taskId) => ({ taskId }),
    ),
    addNote: addition<typeof crm.add_note>(
      ({ about }) => `${placeOf(about.kind)}/${requiredId(about.kind, about.id)}/notes`,
      'notes',
      ({ text }, ref) => ({ note_type: 'common', params: { text: withReferenceLine(ref, text) } }),
      () => [['filter[note_type]', 'common']],
      ({ params }) => (params as { readonly text?: unknown } | null)?.text,
      (noteId) => ({ noteId }),
    ),
    logCall: logCalls(amo, settleMs),
  };
}
