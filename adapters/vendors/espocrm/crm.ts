/**
 * EspoCRM (9.x). It has no idempotency keys, so every record stores a reference, and a lost request is looked up by it.
 *
 * Leads have no link to a contact before conversion: the leads of a contact are those with one of its phones.
 */

import { z } from 'zod';
import { durationMs, secret, text, url } from '../../../config/settings.ts';
import { badCursor, Email, PersonName } from '../../../contracts/common.ts';
import type { crm } from '../../../contracts/crm.ts';
import { lookUp, type ParsedOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isPhone, type PhoneCountry, phoneCountry, phoneNumbersIn, toE164 } from '../../crm/phones.ts';
import { type Contact, type Crm, everything, fractionDigits, type LeadPage, subjectOf } from '../../crm/port.ts';
import type { Deps } from '../../deps.ts';
import { type EspoEntity, type EspoRecord, espoClient, espoTime, timeFrom, type Where } from './client.ts';
import { listDeals, listTasks } from './lists.ts';
import { entityOf, espoStates, statuses, statusOf } from './record-state.ts';
import { espoReferences, lines, textOf } from './references.ts';
import { crmEntities, espoWebhooks, webhookSecrets } from './webhook.ts';

export const espoSettings = z.object({
  ESPOCRM_URL: url(['https', 'http']).describe('Base URL of EspoCRM, e.g. https://crm.example.'),
  ESPOCRM_API_KEY: secret().describe('The key of an API user that may read, create and edit contacts, leads, deals, tasks and calls.'),
  ESPOCRM_SECRET_KEY: secret().optional().describe('Secret of an API user with HMAC authentication.'),
  ESPOCRM_REFERENCE_FIELD: text({ max: 60, like: /^[a-z]\w*$/i, expected: 'the name of a field, e.g. cPolybRef' })
    .optional()
    .describe(
      'A text field, added to contacts, leads, deals, tasks and calls, that stores the reference of this system. Without it, a line of the description stores it.',
    ),
  ESPOCRM_ASSIGNED_USER_ID: text({ max: 24 }).describe('Owner of tasks and calls; EspoCRM requires one.'),
  ESPOCRM_PHONE_COUNTRY: phoneCountry().describe('Country of phones that are stored without a country code.'),
  ESPOCRM_WEBHOOK_SECRETS: webhookSecrets
    .optional()
    .describe(
      'Id and secret of each webhook, as POST Webhook returns them: id:secret,id:secret. The address of a webhook is the one of polyb crm webhooks with its event: ?event=Lead.update.',
    ),
  ESPOCRM_SETTLE_MS: durationMs({ max: 3_600_000 })
    .default(75_000)
    .describe('How long after a lost reply a record may still appear; longer than the time limit of the web server.'),
});

const openStatuses = ['New', 'Assigned', 'In Process'];
/** Lead.source is an enum; an unknown value becomes Other and a line of the description. */
const sources: Readonly<Record<string, string>> = {
  website: 'Web Site',
  phone_call: 'Call',
  email: 'Email',
  partner: 'Partner',
  campaign: 'Campaign',
};

export function espoCrm(options: z.output<typeof espoSettings>, { http, log, now }: Pick<Deps, 'http' | 'log' | 'now'>): Crm {
  const { ESPOCRM_REFERENCE_FIELD: referenceField, ESPOCRM_ASSIGNED_USER_ID: assignedUserId, ESPOCRM_SETTLE_MS: settleMs } = options;
  const country = options.ESPOCRM_PHONE_COUNTRY;
  const espo = espoClient({ http, url: options.ESPOCRM_URL, apiKey: options.ESPOCRM_API_KEY, secretKey: options.ESPOCRM_SECRET_KEY });

  const { withReference, carries, findByReference } = espoReferences(espo, referenceField);
  const includesPhone = (phones: readonly string[], phoneNumber: string) => phones.some((each) => isPhone(each, phoneNumber, country));
  /** All numbers of a record that may have been listed with its main one only. */
  async function phonesOf(entity: EspoEntity, record: EspoRecord, signal: AbortSignal): Promise<readonly string[]> {
    const whole = Array.isArray(record.phoneNumberData) ? record : await espo.get(entity, record.id, signal);
    return whole === null ? [] : phonesIn(whole);
  }
  async function hasPhone(entity: EspoEntity, record: EspoRecord, phoneNumber: string, signal: AbortSignal): Promise<boolean> {
    if (includesPhone([textOf(record.phoneNumber) ?? ''], phoneNumber)) return true;
    return includesPhone(await phonesOf(entity, record, signal), phoneNumber);
  }

  interface CreateResult {
    readonly record: EspoRecord;
    readonly created: boolean;
  }
  interface Attempt<I> {
    readonly input: I;
    readonly signal: AbortSignal;
  }
  /** The first of the records that has the phone. */
  async function withPhone(
    entity: EspoEntity,
    records: readonly EspoRecord[],
    { input: { phoneNumber }, signal }: Attempt<{ readonly phoneNumber: string }>,
  ): Promise<EspoRecord | undefined> {
    for (const record of records.slice(0, 20)) if (await hasPhone(entity, record, phoneNumber, signal)) return record;
    return undefined;
  }
  /**
   * Namesakes, and closed leads of the same person, are not duplicates: the record is then created without the server's check.
   * @param standIn picks which of the server's duplicates is used instead, if any.
   */
  function effect<I, O>(
    entity: EspoEntity,
    attributesOf: (input: I) => Readonly<Record<string, unknown>>,
    outputOf: (made: CreateResult) => O,
    standIn: (duplicates: readonly EspoRecord[], attempt: Attempt<I>) => Promise<EspoRecord | undefined> = async () => undefined,
  ) {
    return {
      async attempt(input: I, { ref, signal }: { readonly ref: string; readonly signal: AbortSignal }): Promise<O> {
        const attributes = withReference(entity, attributesOf(input), ref);
        const answer = await espo.create(entity, attributes, { signal });
        if ('made' in answer) return outputOf({ record: answer.made, created: true });
        const own = answer.duplicates.find((record) => carries(entity, record, ref));
        if (own !== undefined) return outputOf({ record: own, created: true });
        const other = await standIn(answer.duplicates, { input, signal });
        if (other !== undefined) {
          log.info({ entity, id: other.id }, 'EspoCRM has a record with the same phone; it is used instead of a new one');
          return outputOf({ record: other, created: false });
        }
        const again = await espo.create(entity, attributes, { signal, skipDuplicateCheck: true });
        if ('made' in again) return outputOf({ record: again.made, created: true });
        throw new PolybError('failed_precondition', `EspoCRM refuses a ${entity} as a duplicate, even without its duplicate check.`, {
          reason: 'crm_rejected',
        });
      },
      onUnknown: lookUp<O>(settleMs, async ({ ref }, signal) => {
        const record = await findByReference(entity, ref, signal);
        return record === undefined ? null : outputOf({ record, created: true });
      }),
    };
  }

  return {
    capabilities: () => ({ crm: 'espocrm', methods: { ...everything, find_open_lead: 'emulated', list_leads: 'emulated' } }),
    async findContacts(phoneNumber, signal) {
      const contacts: Contact[] = [];
      for (const { id } of await espo.list('Contact', [phoneLike(phoneNumber)], {}, signal)) {
        const record = await espo.get('Contact', id, signal);
        if (record !== null && includesPhone(phonesIn(record), phoneNumber)) contacts.push(contactFrom(record, country));
        if (contacts.length === 50) break;
      }
      return contacts;
    },
    async findOpenLead(contactId, since, signal) {
      const contact = await espo.get('Contact', contactId, signal);
      const phones = contact === null ? [] : contactFrom(contact, country).phones;
      if (phones.length === 0) return null;
      const leads = await espo.list(
        'Lead',
        [
          { type: 'or', value: phones.map(phoneLike) },
          { type: 'in', attribute: 'status', value: openStatuses },
          { type: 'greaterThanOrEquals', attribute: 'createdAt', value: espoTime(since) },
        ],
        { order: 'desc' },
        signal,
      );
      for (const lead of leads)
        for (const phone of phones)
          if (await hasPhone('Lead', lead, phone, signal))
            return { leadId: lead.id, createdById: textOf(lead.createdById), createdAt: timeFrom(lead.createdAt) };
      return null;
    },
    async listLeads({ phoneNumber, q, status, limit, cursor }, signal) {
      const place = placeOf(cursor);
      const read = await espo.list(
        'Lead',
        [
          ...(phoneNumber === undefined ? [] : [phoneLike(phoneNumber)]),
          ...(status === undefined ? [] : [{ type: 'in', attribute: 'status', value: [statuses[status]] } as const]),
          ...(q === undefined ? [] : [nameLike(q)]),
          ...(place === null ? [] : [{ type: 'lessThan', attribute: 'createdAt', value: espoTime(new Date(place.until)) } as const]),
        ],
        { order: 'desc', most: limit + 1 + (place?.shown ?? 0) },
        signal,
      );
      const rest = read.slice(place?.shown ?? 0);
      const page = rest.slice(0, limit);
      const items: LeadPage['items'] = [];
      for (const lead of page)
        if (phoneNumber === undefined || (await hasPhone('Lead', lead, phoneNumber, signal))) items.push(leadFrom(lead, country));
      const last = page.at(-1);
      if (rest.length <= limit || last === undefined) return { items, nextCursor: null };
      const at = String(last.createdAt);
      const shown = read.slice(0, (place?.shown ?? 0) + limit).filter(({ createdAt }) => createdAt === at).length;
      return { items, nextCursor: `${Date.parse(timeFrom(at)) + 1_000}.${shown}` };
    },
    listDeals: (contactId, limit, signal) => listDeals(espo, contactId, limit, signal),
    listTasks: (about, limit, signal) => listTasks(espo, about, limit, signal),
    webhooks: espoWebhooks(options.ESPOCRM_WEBHOOK_SECRETS, crmEntities),
    readRecord: espoStates(espo),
    async updateLeadStatus(leadId, status, signal) {
      await espo.update('Lead', leadId, { status: statuses[status] }, signal);
    },
    createContact: effect(
      'Contact',
      ({ firstName, lastName, phoneNumber, email }: ParsedOf<typeof crm.create_contact>) => ({
        firstName,
        lastName,
        phoneNumber,
        emailAddress: email,
      }),
      ({ record, created }) => ({ contactId: record.id, created }),
      (duplicates, attempt) => withPhone('Contact', byAge(duplicates), attempt),
    ),
    createLead: effect(
      'Lead',
      ({ firstName, lastName, phoneNumber, source, comment }: ParsedOf<typeof crm.create_lead>) => ({
        firstName,
        lastName,
        phoneNumber,
        status: statuses.new,
        source: sources[source] ?? 'Other',
        description: lines(comment, source in sources ? undefined : `Source: ${source}`),
      }),
      ({ record, created }) => ({ leadId: record.id, createdById: textOf(record.createdById), created }),
      async (duplicates, attempt) => {
        const { reuseHours } = attempt.input;
        if (reuseHours === 0) return undefined;
        const since = espoTime(new Date(now() - reuseHours * 3_600_000));
        const isOpen = (record: EspoRecord) => openStatuses.includes(String(record.status)) && String(record.createdAt) >= since;
        return withPhone('Lead', byAge(duplicates).filter(isOpen).toReversed(), attempt);
      },
    ),
    createDeal: effect(
      'Opportunity',
      ({ contactId, title, amount, closeAt, stage }: ParsedOf<typeof crm.create_deal>) => ({
        name: title,
        amount: amount.amountMinor / 10 ** fractionDigits(amount.currency),
        amountCurrency: amount.currency,
        closeDate: espoTime(new Date(closeAt)).slice(0, 10),
        stage,
        contactsIds: [contactId],
      }),
      ({ record }) => ({ dealId: record.id }),
    ),
    createTask: effect(
      'Task',
      ({ about, subject, dueAt, text }: ParsedOf<typeof crm.create_task>) => ({
        name: subject,
        ...parentOf(about),
        dateEnd: dueAt === undefined ? undefined : espoTime(new Date(dueAt)),
        description: text,
        assignedUserId,
      }),
      ({ record }) => ({ taskId: record.id }),
    ),
    addNote: effect(
      'Note',
      ({ about, text }: ParsedOf<typeof crm.add_note>) => ({
        type: 'Post',
        ...parentOf(about),
        post: text,
      }),
      ({ record }) => ({ noteId: record.id }),
    ),
    logCall: effect(
      'Call',
      ({
        about,
        leadId,
        contactId,
        callId,
        direction,
        outcome,
        phoneNumber,
        startedAt,
        durationMs: lasted,
      }: ParsedOf<typeof crm.log_call>) => ({
        name: phoneNumber,
        ...parentOf(subjectOf({ about, leadId })),
        direction: direction === 'inbound' ? 'Inbound' : 'Outbound',
        status: outcome === 'answered' ? 'Held' : 'Not Held',
        dateStart: espoTime(new Date(startedAt)),
        // There is no duration field: it follows from the dates, and would be five minutes without them.
        dateEnd: espoTime(new Date(Date.parse(startedAt) + lasted)),
        contactsIds: contactId === undefined ? undefined : [contactId],
        description: `PolyB call ${callId}: ${outcome}`,
        assignedUserId,
      }),
      ({ record }) => ({ crmCallId: record.id }),
    ),
    updateContact: {
      async attempt({ contactId, phoneNumber, email }, { signal }) {
        const contact = await espo.get('Contact', contactId, signal);
        if (contact === null)
          throw new PolybError('failed_precondition', `EspoCRM has no contact ${contactId}.`, { reason: 'crm_rejected' });
        const isNew = phoneNumber !== undefined && !includesPhone(phonesIn(contact), phoneNumber);
        const isFirstEmail = email !== undefined && textOf(contact.emailAddress) === null;
        if (!isNew && !isFirstEmail) return { contactId, changed: false };
        await espo.update(
          'Contact',
          contactId,
          {
            // The list replaces the stored one, so it repeats what is there.
            ...(isNew && {
              phoneNumberData: [...phoneDataOf(contact), { phoneNumber, type: 'Mobile', primary: phonesIn(contact).length === 0 }],
            }),
            ...(isFirstEmail && { emailAddress: email }),
          },
          signal,
        );
        return { contactId, changed: true };
      },
      // A second attempt finds what the first one added.
      onUnknown: lookUp(settleMs, async () => null),
    },
  };
}

/** Finds a number in any spelling, with an extension or beside another one in its field; results are compared again. */
function phoneLike(phoneNumber: string): Where {
  return { type: 'contains', attribute: 'phoneNumberNumeric', value: phoneNumber.replace(/\D/g, '').slice(-10) };
}
/** The beginning of the given or the family name. */
function nameLike(q: string): Where {
  return { type: 'or', value: ['firstName', 'lastName'].map((attribute) => ({ type: 'startsWith', attribute, value: q })) };
}
/** Times of EspoCRM are whole seconds: a page begins at a second, after the leads of it that were shown. */
function placeOf(cursor: string | undefined): { readonly until: number; readonly shown: number } | null {
  if (cursor === undefined) return null;
  const [, until, shown] = /^(\d{1,15})\.(\d{1,6})$/.exec(cursor) ?? [];
  if (until === undefined) throw badCursor();
  return { until: Number(until), shown: Number(shown) };
}
function leadFrom(record: EspoRecord, country: PhoneCountry): LeadPage['items'][number] {
  const { status, createdAt } = record;
  return {
    leadId: record.id,
    contactId: null,
    name: [record.firstName, record.lastName]
      .flatMap((name) => textOf(name) ?? [])
      .join(' ')
      .slice(0, 300),
    phoneNumber: toE164(textOf(record.phoneNumber) ?? '', country),
    status: statusOf(status),
    statusName: textOf(status)?.slice(0, 64) ?? null,
    source: textOf(record.source)?.slice(0, 100) ?? null,
    comment: textOf(record.description)?.slice(0, 4096) ?? null,
    createdAt: timeFrom(createdAt),
  };
}
/** Oldest first. */
const byAge = (records: readonly EspoRecord[]) => records.toSorted((a, b) => String(a.createdAt).localeCompare(String(b.createdAt)));

const phoneDataOf = (record: EspoRecord): readonly { readonly phoneNumber?: unknown }[] =>
  Array.isArray(record.phoneNumberData) ? record.phoneNumberData : [];
const parentOf = ({ kind, id }: ReturnType<typeof subjectOf>) => ({ parentType: entityOf[kind], parentId: id });
/** Every number of a record that was read individually, in its spelling. */
function phonesIn(record: EspoRecord): readonly string[] {
  return [record.phoneNumber, ...phoneDataOf(record).map((each) => each?.phoneNumber)].flatMap((phone) => textOf(phone) ?? []);
}
function contactFrom(record: EspoRecord, country: PhoneCountry): Contact {
  return {
    contactId: record.id,
    firstName: nameFrom(record.firstName),
    lastName: nameFrom(record.lastName),
    phones: [...new Set(phonesIn(record).flatMap((phone) => phoneNumbersIn(phone, country)))].slice(0, 20),
    email: Email.safeParse(record.emailAddress).data ?? null,
    timeZone: null,
  };
}
function nameFrom(value: unknown): string | null {
  return PersonName.safeParse(value).data ?? null;
}
