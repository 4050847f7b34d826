/**
 * 1C:Enterprise over OData. A mapping file says where a configuration keeps contacts and other records. Every record stores a reference,
 * and a lost request is looked up by it.
 */
import { z } from 'zod';
import { durationMs, jsonText, secret, text, url } from '../../../config/settings.ts';
import { TimeZone } from '../../../contracts/common.ts';
import type { crm } from '../../../contracts/crm.ts';
import { lookUp, type ParsedOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { phoneCountry } from '../../crm/phones.ts';
import { type Capabilities, type Crm, everything, subjectOf } from '../../crm/port.ts';
import type { Deps } from '../../deps.ts';
import { unsupported, unsupportedEffect } from '../../unsupported.ts';
import { type OnecRecord, onecClient } from './client.ts';
import { onecContacts } from './contacts.ts';
import { Mapping, readStandardMapping } from './mapping.ts';
import { emptyKey, isKey, literal, localTime, timeFrom } from './odata.ts';
import { onecRecords } from './records.ts';

export const onecSettings = z.object({
  ONEC_URL: url(['https', 'http']).describe('URL of the infobase, e.g. https://1c.example/trade.'),
  ONEC_USER: text({ max: 200 }).describe('User of the infobase with rights to the published objects.'),
  ONEC_PASSWORD: secret().optional().describe('Password of the user; some have none.'),
  ONEC_MAPPING: jsonText(Mapping)
    .optional()
    .describe(
      'Which entities and attributes hold what, as JSON; usually ONEC_MAPPING_FILE. Without it, that of Trade Management 11: adapters/vendors/onec/trade-management.json.',
    ),
  ONEC_TIME_ZONE: TimeZone.default('Europe/Moscow').describe('Time zone of the infobase; its times have none.'),
  ONEC_PHONE_COUNTRY: phoneCountry().describe('Country of phones that are stored without a country code.'),
  ONEC_TIMEOUT_MS: durationMs({ min: 1000, max: 600_000 })
    .default(90_000)
    .describe('Time limit of a request; the first one after idle time takes more than 30 s.'),
  ONEC_SETTLE_MS: durationMs({ max: 3_600_000 })
    .default(180_000)
    .describe('How long after a lost reply a record may still appear; longer than ONEC_TIMEOUT_MS.'),
});

type OnecOptions = z.output<typeof onecSettings>;
/** What both ports are made of. */
export function onecParts(options: OnecOptions, { http, now }: Pick<Deps, 'http' | 'now'>) {
  const mapping = options.ONEC_MAPPING ?? readStandardMapping();
  const client = onecClient({
    http,
    url: options.ONEC_URL,
    user: options.ONEC_USER,
    password: options.ONEC_PASSWORD ?? '',
    timeoutMs: options.ONEC_TIMEOUT_MS,
  });
  const records = onecRecords({ client, mapping, timeZone: options.ONEC_TIME_ZONE, settleMs: options.ONEC_SETTLE_MS, now });
  return { mapping, client, records, contacts: onecContacts({ client, records, mapping, country: options.ONEC_PHONE_COUNTRY }) };
}

export function onecCrm(options: OnecOptions, deps: Pick<Deps, 'http' | 'now'>): Crm {
  const { ONEC_TIME_ZONE: timeZone, ONEC_SETTLE_MS: settleMs } = options;
  const { mapping, client, records, contacts } = onecParts(options, deps);
  const { leads, deals, tasks, notes, calls } = mapping;
  const mapped = <S, E>(section: S | undefined, what: string, make: (section: S) => E) =>
    section === undefined ? unsupportedEffect('1C', what) : make(section);
  const local = (time: string | number) => localTime(typeof time === 'number' ? time : Date.parse(time), timeZone);

  return {
    capabilities: () => ({ crm: 'onec', methods: methodsOf(mapping) }),
    async findContacts(phoneNumber, signal) {
      return (await contacts.find(phoneNumber, signal)).map(contacts.contactFrom);
    },
    async findOpenLead(contactId, since, signal) {
      if (leads?.status === undefined || leads.createdAt === undefined) throw unsupported('1C', 'open leads');
      if (!isKey(contactId)) return null;
      const { entity, contact, status, createdAt, createdBy } = leads;
      const open = [...new Set([status.new, status.in_process])];
      const isOpen = open.map((value) => `${status.attribute} eq ${literal.of(value)}`).join(' or ');
      const sinceMs = Math.ceil(since.getTime() / 1000) * 1000;
      const filter = [
        `${contact} eq ${literal.key(contactId)}`,
        `(${isOpen})`,
        `${createdAt} ge ${literal.time(local(Math.max(sinceMs, 0)))}`,
        'DeletionMark eq false',
      ].join(' and ');
      const found = await client.list(entity, { filter, orderBy: `${createdAt} desc` }, signal);
      const own = found.flatMap((record) => {
        const at = timeFrom(record[createdAt], timeZone);
        const isIt = record[contact] === contactId && open.includes(record[status.attribute] as string) && record.DeletionMark !== true;
        return isIt && at !== null && at >= sinceMs ? [{ record, at }] : [];
      });
      const [newest] = own.toSorted((a, b) => b.at - a.at);
      if (newest === undefined) return null;
      const { record, at } = newest;
      return { leadId: record.Ref_Key, createdById: authorOf(record, createdBy), createdAt: new Date(at).toISOString() };
    },
    async updateLeadStatus(leadId, status, signal) {
      if (leads?.status === undefined) throw unsupported('1C', 'statuses of leads');
      const record = await records.find('lead', leadId, signal);
      if (record === null) throw new PolybError('not_found', `1C has no lead ${leadId}.`);
      const { attribute, [status]: value } = leads.status;
      if (record[attribute] !== value) await client.change(leads.entity, record, { [attribute]: value }, signal);
    },
    createContact: records.effect(
      mapping.contacts,
      async ({ firstName, lastName, phoneNumber, email }: ParsedOf<typeof crm.create_contact>, signal) => ({
        ...contacts.nameOf({ firstName, lastName }),
        ...(await contacts.withRows(null, { phoneNumber, email }, signal)),
      }),
      ({ Ref_Key }) => ({ contactId: Ref_Key, created: true }),
    ),
    createLead: mapped(leads, 'leads', (of) =>
      records.effect(
        of,
        async ({ contactId, firstName, lastName, source, comment }: ParsedOf<typeof crm.create_lead>, signal) => {
          await records.mustExist('contact', contactId, signal);
          const title = [firstName, lastName].filter((each) => each !== undefined).join(' ');
          return records.compose(
            [of.title, of.source === undefined ? `${title}, ${source}` : title],
            [of.contact, contactId],
            [of.status?.attribute, of.status?.new],
            [of.source, source],
            [of.comment, comment],
          );
        },
        (record) => ({ leadId: record.Ref_Key, createdById: authorOf(record, of.createdBy), created: true }),
      ),
    ),
    createDeal: mapped(deals, 'deals', (of) =>
      records.effect(
        of,
        async ({ contactId, title, amount, closeAt, stage }: ParsedOf<typeof crm.create_deal>, signal) => {
          if (amount.currency !== of.currency) throw otherCurrency(of.currency);
          await records.mustExist('contact', contactId, signal);
          return records.compose(
            [of.title, title],
            [of.contact, contactId],
            [of.amount, amount.amountMinor / 100],
            [of.closeAt, local(closeAt)],
            [of.stage, stage],
          );
        },
        ({ Ref_Key }) => ({ dealId: Ref_Key }),
      ),
    ),
    createTask: mapped(tasks, 'tasks', (of) =>
      records.effect(
        of,
        async ({ about, subject, dueAt, text: body }: ParsedOf<typeof crm.create_task>, signal) => ({
          ...(await records.about(of.about, about, signal)),
          ...records.compose([of.subject, subject], [of.text, body], [of.dueAt, dueAt && local(dueAt)]),
        }),
        ({ Ref_Key }) => ({ taskId: Ref_Key }),
      ),
    ),
    addNote: mapped(notes, 'notes', (of) =>
      records.effect(
        of,
        async ({ about, text: body }: ParsedOf<typeof crm.add_note>, signal) => ({
          ...(await records.about(of.about, about, signal)),
          [of.text]: body,
        }),
        ({ Ref_Key }) => ({ noteId: Ref_Key }),
      ),
    ),
    logCall: mapped(calls, 'calls', (of) =>
      records.effect(
        of,
        async (call: ParsedOf<typeof crm.log_call>, signal) => ({
          ...(await records.about(of.about, subjectOf(call), signal)),
          ...records.compose(
            [of.subject, `${call.direction} ${call.outcome}`],
            [of.startedAt, local(call.startedAt)],
            [of.isInbound, call.direction === 'inbound'],
            [of.phone, call.phoneNumber],
            [of.text, `PolyB call ${call.callId}: ${call.outcome}, ${Math.round(call.durationMs / 1000)} s`],
          ),
        }),
        ({ Ref_Key }) => ({ crmCallId: Ref_Key }),
      ),
    ),
    updateContact: {
      async attempt({ contactId, phoneNumber, email }, { signal }) {
        const record = await records.mustExist('contact', contactId, signal);
        const rows = await contacts.withRows(record, { phoneNumber, email }, signal);
        if (rows === null) return { contactId, changed: false };
        await client.change(mapping.contacts.entity, record, rows, signal);
        return { contactId, changed: true };
      },
      // A second attempt finds what the first one added.
      onUnknown: lookUp(settleMs, async () => null),
    },
  };
}

function methodsOf({ leads, deals, tasks, notes, calls }: Mapping): Capabilities['methods'] {
  const mapped = (section: unknown) => (section === undefined ? 'unsupported' : 'emulated');
  const openLeads = mapped(leads?.status && leads.createdAt);
  return {
    ...everything,
    find_contact: 'emulated',
    push_to_crm: openLeads,
    create_lead: mapped(leads),
    find_open_lead: openLeads,
    list_leads: 'unsupported',
    list_deals: 'unsupported',
    list_tasks: 'unsupported',
    update_lead_status: mapped(leads?.status),
    create_deal: mapped(deals),
    create_task: mapped(tasks),
    add_note: mapped(notes),
    log_call: mapped(calls),
  };
}
function authorOf(record: OnecRecord, attribute: string | undefined): string | null {
  const key = attribute === undefined ? null : record[attribute];
  return typeof key === 'string' && key !== '' && key !== emptyKey ? key.slice(0, 64) : null;
}
function otherCurrency(expected: string): PolybError {
  return new PolybError('failed_precondition', `The mapped deals of 1C are in ${expected} only.`, {
    reason: 'crm_rejected',
    data: { field: 'amount' },
    outcome: 'not_executed',
  });
}
