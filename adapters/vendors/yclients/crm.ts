/**
 * Clients of a location as the contacts of a CRM. There are no leads, deals and tasks; notes and calls are comments of a client. There
 * are no idempotency keys: comments carry a reference, by which a lost request is looked up.
 */
import { hash } from 'node:crypto';
import type { z } from 'zod';
import { PersonName } from '../../../contracts/common.ts';
import type { crm } from '../../../contracts/crm.ts';
import { canonical } from '../../../contracts/kit/canonical.ts';
import { lookUp, type ParsedOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type Contact, type Crm, everything, subjectOf } from '../../crm/port.ts';
import type { Deps } from '../../deps.ts';
import { beforeWriting } from '../../not-executed.ts';
import { unsupported, unsupportedEffect } from '../../unsupported.ts';
import { salonClient } from './client.ts';
import { commentsOf } from './comments.ts';
import { type Person, peopleOf } from './people.ts';
import { type Platform, type SalonOptions, yclientsPlatform } from './platform.ts';
import { type yclientsCrmSettings, yclientsOptions } from './settings.ts';
import { digitsOf, type Fields, fieldsOf, idOf, listOf } from './values.ts';
import { salonWebhooks } from './webhook.ts';

/** Contacts that are read one by one after a search. */
const mostRead = 10;

type CrmDeps = Pick<Deps, 'http' | 'cache' | 'now'>;

export function yclientsCrm(settings: z.output<typeof yclientsCrmSettings>, deps: CrmDeps): Crm {
  return salonCrm(yclientsPlatform, yclientsOptions(settings), deps);
}

export function salonCrm(platform: Platform, options: SalonOptions, deps: CrmDeps): Crm {
  const client = salonClient(platform, options, deps);
  const people = peopleOf(client, options);
  const comments = commentsOf(client, platform, options);
  const { settleMs } = options;
  const refused = (text: string, field?: string) =>
    new PolybError('failed_precondition', `${platform.title}: ${text}`, {
      reason: 'crm_rejected',
      ...(field !== undefined && { data: { field } }),
    });

  /** A record of a client, or `unsupported`: there is nothing else that a comment can be about. */
  const clientOf = ({ kind, id }: ReturnType<typeof subjectOf>): string => {
    if (kind !== 'contact') throw unsupported(platform.title, `a comment about a ${kind}`);
    return id;
  };
  /** An effect that writes a text about a client. */
  const comment = <I, O>(of: (input: I) => { readonly clientId: string; readonly text: string }, outputOf: (id: string) => O) => ({
    async attempt(input: I, at: { readonly ref: string; readonly signal: AbortSignal }): Promise<O> {
      const { clientId, text } = of(input);
      return outputOf(await comments.add(clientId, text, at));
    },
    onUnknown: lookUp<O, I>(settleMs, async ({ ref, input }, signal) => {
      const { clientId, text } = of(input);
      const id = await comments.find(clientId, text, ref, signal);
      return id === null ? null : outputOf(id);
    }),
  });

  return {
    capabilities: () => ({
      crm: platform.name,
      methods: {
        ...everything,
        push_to_crm: 'unsupported',
        create_lead: 'unsupported',
        find_open_lead: 'unsupported',
        list_leads: 'unsupported',
        list_deals: 'unsupported',
        list_tasks: 'unsupported',
        update_lead_status: 'unsupported',
        create_deal: 'unsupported',
        create_task: 'unsupported',
        log_call: 'emulated',
      },
    }),
    async findContacts(phoneNumber, signal) {
      const found = await people.withPhone(phoneNumber, signal);
      const contacts: Contact[] = [];
      // A search returns no surname.
      for (const [nth, each] of found.entries()) {
        const person = nth < mostRead ? await people.read(each.id, signal) : each;
        if (person !== null) contacts.push(contactFrom(person));
      }
      return contacts;
    },
    webhooks: salonWebhooks(platform, options, { client: 'contact' }),
    async readRecord(kind, id, signal) {
      const person = kind === 'contact' ? await people.read(id, signal) : null;
      // A client has no time of its last change.
      return person === null ? null : { changedAt: null, status: null, version: hash('sha256', canonical(person.fields), 'base64url') };
    },
    findOpenLead: async () => {
      throw unsupported(platform.title, 'leads');
    },
    updateLeadStatus: async () => {
      throw unsupported(platform.title, 'leads');
    },
    createContact: {
      async attempt({ firstName, lastName, phoneNumber, email }, at) {
        const { id, created } = await people.create({ name: firstName, surname: lastName, phoneNumber, email }, at);
        return { contactId: id, created };
      },
      onUnknown: lookUp<{ contactId: string; created: boolean }, ParsedOf<typeof crm.create_contact>>(
        settleMs,
        async ({ ref, input }, signal) => {
          const found = await people.created(input.phoneNumber, ref, signal);
          return found === null ? null : { contactId: found.id, created: found.created };
        },
      ),
    },
    createLead: unsupportedEffect(platform.title, 'leads'),
    createDeal: unsupportedEffect(platform.title, 'deals'),
    createTask: unsupportedEffect(platform.title, 'tasks'),
    addNote: comment(
      ({ about, text }: ParsedOf<typeof crm.add_note>) => ({ clientId: clientOf(about), text }),
      (noteId) => ({ noteId }),
    ),
    logCall: comment(
      (call: ParsedOf<typeof crm.log_call>) => ({ clientId: clientOf(subjectOf(call)), text: callText(call) }),
      (crmCallId) => ({ crmCallId }),
    ),
    updateContact: {
      async attempt({ contactId, phoneNumber, email }, { signal }) {
        const person = await beforeWriting(people.read(contactId, signal));
        if (person === null) throw refused(`there is no client ${contactId}.`);
        // The request replaces the whole record, so it would store the masks.
        if (person.isMasked)
          throw refused(
            'phones and e-mail addresses are hidden from the user, so a client cannot be changed; grant the right to see them.',
          );
        const isNew = phoneNumber !== undefined && person.phone !== phoneNumber;
        if (isNew && person.phone !== null) throw refused('a client has one phone, and this one has another; add a note instead.', 'phone');
        const isFirstEmail = email !== undefined && person.email === null;
        if (!isNew && !isFirstEmail) return { contactId, changed: false };
        await client.call({
          method: 'PUT',
          path: `client/${options.companyId}/${contactId}`,
          body: { ...bodyFrom(person.fields), ...(isNew && { phone: digitsOf(phoneNumber) }), ...(isFirstEmail && { email }) },
          signal,
          what: 'Changing a client',
        });
        return { contactId, changed: true };
      },
      // A second attempt finds what the first one added.
      onUnknown: lookUp(settleMs, async () => null),
    },
  };
}

function contactFrom(person: Person): Contact {
  return {
    contactId: person.id,
    firstName: PersonName.safeParse(person.name).data ?? null,
    lastName: PersonName.safeParse(person.surname).data ?? null,
    phones: person.phone === null ? [] : [person.phone],
    email: person.email,
    timeZone: null,
    ...(person.isMasked && { isMasked: true }),
  };
}
/** What a change must repeat so that it stays. A birth date of 0 means none, and custom fields without a value are an array. */
function bodyFrom(fields: Fields): Fields {
  const kept = [
    'name',
    'surname',
    'patronymic',
    'phone',
    'email',
    'sex_id',
    'importance_id',
    'discount',
    'card',
    'comment',
    'sms_check',
    'sms_not',
  ];
  return {
    ...Object.fromEntries(kept.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]])),
    phone: digitsOf(String(fields.phone ?? '')),
    ...(typeof fields.birth_date === 'string' && fields.birth_date !== '' && { birth_date: fields.birth_date }),
    categories: listOf(fields.categories).flatMap(({ id }) => (idOf(id) === null ? [] : [Number(id)])),
    custom_fields: fieldsOf(fields.custom_fields),
  };
}
function callText({ callId, direction, outcome, startedAt, durationMs }: ParsedOf<typeof crm.log_call>): string {
  return `${direction === 'inbound' ? 'Inbound' : 'Outbound'} call ${startedAt}, ${outcome}, ${Math.round(durationMs / 1000)} s (PolyB call ${callId})`;
}
