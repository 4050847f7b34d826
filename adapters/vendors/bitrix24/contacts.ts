/** Contacts of Bitrix24, which both ports share. */
import { Email, PersonName } from '../../../contracts/common.ts';
import { lookUp } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isPhone, type PhoneCountry, phoneNumbersIn } from '../../crm/phones.ts';
import type { Contact } from '../../crm/port.ts';
import { type BitrixClient, type BitrixRecord, fieldOf, idOf } from './client.ts';
import { isObject } from './envelope.ts';

/** Ids of CRM objects. */
export const entity = { lead: 1, deal: 2, contact: 3 } as const;
/** The external source of everything that this system creates; `originId` beside it is our reference. */
export const originatorId = 'polyb';

export interface Person {
  readonly firstName: string;
  readonly lastName?: string | undefined;
  readonly phoneNumber?: string | undefined;
  readonly email?: string | undefined;
}
export interface Contacts {
  /** At most 50, oldest first. */
  withPhone(phoneNumber: string, signal: AbortSignal): Promise<readonly BitrixRecord[]>;
  get(contactId: string, signal: AbortSignal): Promise<BitrixRecord | null>;
  /** By ids, at most 50 in a request. */
  all(contactIds: readonly string[], signal: AbortSignal): Promise<readonly BitrixRecord[]>;
}

export function bitrixContacts(bitrix: BitrixClient, country: PhoneCountry): Contacts {
  async function all(contactIds: readonly string[], signal: AbortSignal): Promise<readonly BitrixRecord[]> {
    if (contactIds.length === 0) return [];
    const ids = contactIds.map(Number);
    const params = { entityTypeId: entity.contact, filter: { '@id': ids }, select: ['*'], order: { id: 'ASC' } };
    const found = await bitrix.list('crm.item.list', params, { key: 'items', signal });
    return found.filter((contact) => ids.includes(Number(contact.id)));
  }
  return {
    all,
    async withPhone(phoneNumber, signal) {
      const ids = await idsWithPhones(bitrix, 'CONTACT', [phoneNumber], signal);
      const contacts = await all(ids.slice(0, 50), signal);
      return contacts.filter((contact) => phonesIn(contact).some((phone) => isPhone(phone, phoneNumber, country)));
    },
    get: (contactId, signal) => getItem(bitrix, entity.contact, contactId, signal),
  };
}

/** Ids of records with one of the phones, oldest first. Extensions do not count: each hit is a candidate. */
export async function idsWithPhones(
  bitrix: BitrixClient,
  kind: 'CONTACT' | 'LEAD',
  phones: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  // A portal normalises phones, but not those of ten digits. It takes 20 values.
  const values = [...new Set(phones.flatMap(spellings))].slice(0, 20);
  // Of one kind only: twenty hits of another kind would hide it. Without a hit the result is an empty list.
  const found = await bitrix.call('crm.duplicate.findbycomm', { type: 'PHONE', values, entity_type: kind }, { signal });
  const ids: unknown = isObject(found) ? found[kind] : [];
  return Array.isArray(ids) ? ids.map(String).toSorted((a, b) => Number(a) - Number(b)) : [];
}
/** `+79990001122`, `89990001122`, `9990001122`. */
function spellings(phoneNumber: string): readonly string[] {
  const national = /^\+7(\d{10})$/.exec(phoneNumber)?.[1];
  return national === undefined ? [phoneNumber, phoneNumber.slice(1)] : [phoneNumber, `8${national}`, national];
}

/** Null if there is none. Ids are numbers; any other text names nothing. */
export async function getItem(bitrix: BitrixClient, entityTypeId: number, id: string, signal: AbortSignal): Promise<BitrixRecord | null> {
  if (!isItemId(id)) return null;
  const absent = new PolybError('not_found', `Bitrix24 has no record ${id}.`);
  try {
    const refusals = { NOT_FOUND: () => absent };
    return fieldOf(
      await bitrix.call('crm.item.get', { entityTypeId, id: Number(id) }, { signal, refusals }),
      'item',
      'crm.item.get of Bitrix24',
    );
  } catch (thrown) {
    if (thrown === absent) return null;
    throw thrown;
  }
}
export const isItemId = (id: string): boolean => /^[1-9]\d{0,14}$/.test(id);

/** The error for a record to which a new one would belong. */
export function noRecord(kind: string, id: string): PolybError {
  return new PolybError('failed_precondition', `Bitrix24 has no ${kind} ${id}; create it first.`, {
    reason: 'crm_rejected',
    outcome: 'not_executed',
  });
}

/** The record that stores this reference. */
export async function findByReference(
  bitrix: BitrixClient,
  entityTypeId: number,
  ref: string,
  signal: AbortSignal,
): Promise<BitrixRecord | undefined> {
  const params = {
    entityTypeId,
    filter: { '=originatorId': originatorId, '=originId': ref },
    select: ['id', 'originId', 'createdBy'],
    order: { id: 'ASC' },
  };
  const found = await bitrix.list('crm.item.list', params, { key: 'items', signal });
  return found.find((item) => item.originId === ref);
}

/** Fields of a person in a new record; phones are a list there. */
export function personFields({ firstName, lastName, phoneNumber, email }: Person): object {
  const row = (typeId: string, value: string | undefined) => (value === undefined ? [] : [{ typeId, valueType: 'WORK', value }]);
  return { name: firstName, lastName, fm: [...row('PHONE', phoneNumber), ...row('EMAIL', email)] };
}
/** Creates a contact; the reference finds it after a lost reply. */
export function contactEffect(bitrix: BitrixClient, settleMs: number) {
  return {
    async attempt(
      person: Person,
      { ref, signal }: { readonly ref: string; readonly signal: AbortSignal },
    ): Promise<{ contactId: string; created: boolean }> {
      const fields = { ...personFields(person), originatorId, originId: ref };
      const { id } = fieldOf(
        await bitrix.call('crm.item.add', { entityTypeId: entity.contact, fields }, { signal }),
        'item',
        'crm.item.add of Bitrix24',
      );
      return { contactId: idOf({ id }), created: true };
    },
    onUnknown: lookUp<{ contactId: string; created: boolean }>(settleMs, async ({ ref }, signal) => {
      const found = await findByReference(bitrix, entity.contact, ref, signal);
      return found === undefined ? null : { contactId: idOf(found), created: true };
    }),
  };
}

/** Values of the multiple fields of one type, as stored. */
export function valuesOf({ fm }: BitrixRecord, typeId: 'PHONE' | 'EMAIL'): readonly string[] {
  if (!Array.isArray(fm)) return [];
  return fm.flatMap((row: unknown) => (isObject(row) && row.typeId === typeId && typeof row.value === 'string' ? [row.value] : []));
}
export const phonesIn = (record: BitrixRecord): readonly string[] => valuesOf(record, 'PHONE');

export function contactFrom(record: BitrixRecord, country: PhoneCountry): Contact {
  return {
    contactId: idOf(record),
    firstName: PersonName.safeParse(record.name).data ?? null,
    lastName: PersonName.safeParse(record.lastName).data ?? null,
    phones: [...new Set(phonesIn(record).flatMap((phone) => phoneNumbersIn(phone, country)))].slice(0, 20),
    email: valuesOf(record, 'EMAIL').find((email) => Email.safeParse(email).success) ?? null,
    timeZone: null,
  };
}
