/**
 * Bitrix24 as a CRM. It has no idempotency keys: items store our reference as `originId`, tasks and comments as a line of their text,
 * calls as `EXTERNAL_CALL_ID`, and a lost request is looked up by it. Only an application may log calls as calls; a webhook writes a
 * comment.
 */
import type { z } from 'zod';
import type { About, crm } from '../../../contracts/crm.ts';
import { lookUp, type ParsedOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isPhone } from '../../crm/phones.ts';
import { type Crm, everything, fractionDigits, type OpenLead } from '../../crm/port.ts';
import type { Deps } from '../../deps.ts';
import type { Consent, TokenStore } from '../../oauth.ts';
import { callEffect } from './calls.ts';
import { type BitrixRecord, fieldOf, idOf, timeOf } from './client.ts';
import {
  bitrixContacts,
  contactEffect,
  contactFrom,
  entity,
  findByReference,
  idsWithPhones,
  isItemId,
  noRecord,
  originatorId,
  personFields,
  phonesIn,
  valuesOf,
} from './contacts.ts';
import { bitrixLists } from './lists.ts';
import { bitrixNotes, hasRef, withRef } from './notes.ts';
import { bitrixStates } from './record-state.ts';
import { type BitrixSettings, bitrixOf, leadStagesOf } from './settings.ts';
import { bitrixWebhooks } from './webhook.ts';

/** Default sources of a portal; any other source is kept in words. */
const sources: Readonly<Record<string, string>> = {
  website: 'WEB',
  phone_call: 'CALL',
  email: 'EMAIL',
  partner: 'PARTNER',
  campaign: 'ADVERTISING',
};
/** Prefixes of records to which a task belongs. */
const prefixes = { lead: 'L', contact: 'C', deal: 'D' } as const;

export function bitrixCrm(
  options: BitrixSettings,
  deps: Pick<Deps, 'http' | 'cache' | 'now' | 'connection'>,
  oauth?: { readonly tokens: Pick<TokenStore, 'access'>; readonly consent?: Consent },
): Crm {
  const { BITRIX24_SETTLE_MS: settleMs, BITRIX24_PHONE_COUNTRY: country } = options;
  const stages = leadStagesOf(options);
  const { bitrix, userId } = bitrixOf(options, deps, oauth?.tokens);
  const contacts = bitrixContacts(bitrix, country);
  const notes = bitrixNotes(bitrix);

  /** An effect that creates an item with our reference. */
  function item<I, O>(entityTypeId: number, fieldsOf: (input: I) => object, outputOf: (made: BitrixRecord) => O) {
    return {
      async attempt(input: I, { ref, signal }: { readonly ref: string; readonly signal: AbortSignal }): Promise<O> {
        const fields = { ...fieldsOf(input), originatorId, originId: ref };
        return outputOf(
          fieldOf(await bitrix.call('crm.item.add', { entityTypeId, fields }, { signal }), 'item', 'crm.item.add of Bitrix24'),
        );
      },
      onUnknown: lookUp<O>(settleMs, async ({ ref }, signal) => {
        const found = await findByReference(bitrix, entityTypeId, ref, signal);
        return found === undefined ? null : outputOf(found);
      }),
    };
  }
  const createContact = contactEffect(bitrix, settleMs);

  return {
    ...(oauth?.consent !== undefined && { consent: oauth.consent }),
    capabilities: () => ({
      crm: 'bitrix24',
      methods: {
        ...everything,
        find_open_lead: 'emulated',
        list_leads: 'emulated',
        list_tasks: 'emulated',
        log_call: bitrix.kind === 'application' ? 'native' : 'emulated',
      },
    }),
    webhooks: bitrixWebhooks(options),
    readRecord: bitrixStates(bitrix, stages),
    async findContacts(phoneNumber, signal) {
      return (await contacts.withPhone(phoneNumber, signal)).map((contact) => contactFrom(contact, country));
    },
    /** Leads of the contact, and leads with one of its phones, which a form may have left without a contact. */
    async findOpenLead(contactId, since, signal) {
      const contact = await contacts.get(contactId, signal);
      if (contact === null) return null;
      const { phones } = contactFrom(contact, country);
      const withPhones = phones.length === 0 ? [] : await idsWithPhones(bitrix, 'LEAD', phones, signal);
      const ofContact = { contactId: Number(contactId) };
      const filter = {
        '>=createdTime': timeOf(since),
        ...(withPhones.length === 0 ? ofContact : { 0: { logic: 'OR', 0: ofContact, 1: { '@id': withPhones.slice(-50).map(Number) } } }),
      };
      const params = { entityTypeId: entity.lead, filter, select: ['*'], order: { id: 'DESC' } };
      const isOf = (lead: BitrixRecord) =>
        lead.contactId === Number(contactId) || phones.some((phone) => phonesIn(lead).some((stored) => isPhone(stored, phone, country)));
      // A portal may ignore a filter.
      const found = (await bitrix.list('crm.item.list', params, { key: 'items', signal }))
        .filter((lead) => isOf(lead) && isOpen(lead) && Date.parse(String(lead.createdTime)) >= since.getTime())
        .toSorted((a, b) => Number(b.id) - Number(a.id));
      return found[0] === undefined ? null : openLeadFrom(found[0]);
    },
    ...bitrixLists({ bitrix, contacts, country, stages, bindingOf }),
    async updateLeadStatus(leadId, status, signal) {
      const absent = () => new PolybError('not_found', `Bitrix24 has no lead ${leadId}.`);
      if (!isItemId(leadId)) throw absent();
      const fields = { stageId: stages[status] };
      await bitrix.call(
        'crm.item.update',
        { entityTypeId: entity.lead, id: Number(leadId), fields },
        { signal, refusals: { NOT_FOUND: absent } },
      );
    },
    createContact,
    createLead: item(
      entity.lead,
      ({ contactId, firstName, lastName, phoneNumber, source, comment }: ParsedOf<typeof crm.create_lead>) => ({
        title: [firstName, lastName].filter(Boolean).join(' '),
        ...personFields({ firstName, lastName, phoneNumber }),
        contactId: numberOf('contact', contactId),
        stageId: stages.new,
        sourceId: sources[source] ?? 'OTHER',
        sourceDescription: source,
        comments: comment,
      }),
      (made) => ({ leadId: idOf(made), createdById: made.createdBy === undefined ? null : String(made.createdBy), created: true }),
    ),
    createDeal: item(
      entity.deal,
      ({ contactId, title, amount, closeAt, stage }: ParsedOf<typeof crm.create_deal>) => ({
        title,
        ...funnelOf(stage, options.BITRIX24_DEAL_CATEGORY_ID),
        opportunity: amount.amountMinor / 10 ** fractionDigits(amount.currency),
        currencyId: amount.currency,
        contactId: numberOf('contact', contactId),
        closedate: timeOf(closeAt),
      }),
      (made) => ({ dealId: idOf(made) }),
    ),
    createTask: {
      async attempt({ about, subject, dueAt, text }, { ref, signal }) {
        const fields = {
          TITLE: subject,
          RESPONSIBLE_ID: userId,
          DESCRIPTION: withRef(text, ref),
          DEADLINE: dueAt === undefined ? undefined : timeOf(dueAt),
          UF_CRM_TASK: [bindingOf(about)],
        };
        const task = fieldOf(await bitrix.call('tasks.task.add', { fields }, { signal }), 'task', 'tasks.task.add of Bitrix24');
        return { taskId: idOf(task) };
      },
      onUnknown: lookUp(settleMs, async ({ ref, input }: { ref: string; input: ParsedOf<typeof crm.create_task> }, signal) => {
        const params = { filter: { UF_CRM_TASK: bindingOf(input.about) }, select: ['ID', 'DESCRIPTION'], order: { ID: 'desc' } };
        const tasks = await bitrix.list('tasks.task.list', params, { key: 'tasks', signal });
        const task = tasks.find(({ description }) => hasRef(description, ref));
        return task === undefined ? null : { taskId: idOf(task) };
      }),
    },
    addNote: {
      attempt: async ({ about, text }, at) => ({ noteId: await notes.add(about, text, at) }),
      onUnknown: lookUp(settleMs, async ({ ref, input }: { ref: string; input: ParsedOf<typeof crm.add_note> }, signal) => {
        const noteId = await notes.find(input.about, ref, signal);
        return noteId === null ? null : { noteId };
      }),
    },
    logCall: callEffect({ bitrix, notes, userId, settleMs }),
    updateContact: {
      async attempt({ contactId, phoneNumber, email }, { signal }) {
        const contact = await contacts.get(contactId, signal);
        if (contact === null) throw noRecord('contact', contactId);
        const isNew = phoneNumber !== undefined && !phonesIn(contact).some((phone) => isPhone(phone, phoneNumber, country));
        const isFirstEmail = email !== undefined && valuesOf(contact, 'EMAIL').length === 0;
        if (!isNew && !isFirstEmail) return { contactId, changed: false };
        // On a change the rows are an object: a number as the key would change that row, `n0` adds one.
        const fm = {
          ...(isNew && { n0: { typeId: 'PHONE', valueType: 'WORK', value: phoneNumber } }),
          ...(isFirstEmail && { n1: { typeId: 'EMAIL', valueType: 'WORK', value: email } }),
        };
        await bitrix.call('crm.item.update', { entityTypeId: entity.contact, id: Number(contactId), fields: { fm } }, { signal });
        return { contactId, changed: true };
      },
      // A second attempt finds what the first one added.
      onUnknown: lookUp(settleMs, async () => null),
    },
  };
}

/** By the meaning of its stage, which also custom stages have: `P` in process, `S` success, `F` failure. */
function isOpen({ stageSemanticId }: BitrixRecord): boolean {
  return stageSemanticId !== 'S' && stageSemanticId !== 'F';
}
function openLeadFrom(lead: BitrixRecord): OpenLead {
  const createdById = lead.createdBy === undefined || lead.createdBy === null ? null : String(lead.createdBy);
  return { leadId: idOf(lead), createdById, createdAt: new Date(String(lead.createdTime)).toISOString() };
}
function bindingOf({ kind, id }: z.output<typeof About>): string {
  return `${prefixes[kind]}_${numberOf(kind, id)}`;
}
/** A stage with a prefix names its funnel itself. */
function funnelOf(stage: string | undefined, categoryId: number): object {
  const named = /^C(\d+):/.exec(stage ?? '')?.[1];
  if (named !== undefined) return { categoryId: Number(named), stageId: stage };
  return { categoryId, stageId: stage === undefined || categoryId === 0 ? stage : `C${categoryId}:${stage}` };
}
/** Bitrix24 would take any other text for 0. */
function numberOf(kind: string, id: string): number {
  if (!isItemId(id)) throw noRecord(kind, id);
  return Number(id);
}
