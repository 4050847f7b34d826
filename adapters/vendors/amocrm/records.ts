/** Records of amoCRM: phones, addresses, tags and references in them. */
import { z } from 'zod';
import { Email, PersonName } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isPhone, type PhoneCountry, phoneNumbersIn } from '../../crm/phones.ts';
import type { Contact } from '../../crm/port.ts';
import type { AmoRecord } from './client.ts';

/** Ids of amoCRM are numbers. */
export function idIn(id: string): number | null {
  return /^[1-9]\d{0,14}$/.test(id) ? Number(id) : null;
}
export function requiredId(kind: string, id: string): number {
  const number = idIn(id);
  if (number === null) throw noRecord(kind, id);
  return number;
}
export function noRecord(kind: string, id: string): PolybError {
  return new PolybError('failed_precondition', `amoCRM has no ${kind} ${id}.`, { reason: 'crm_rejected' });
}

const phoneKinds = ['WORK', 'WORKDD', 'MOB', 'FAX', 'HOME', 'OTHER'];
/** `null` instead of a list when a record has no values. */
const Fields = z
  .array(
    z.object({
      field_id: z.number().nullish(),
      field_code: z.string().nullish(),
      values: z.array(z.looseObject({ value: z.unknown(), enum_code: z.string().nullish(), enum: z.string().nullish() })),
    }),
  )
  .nullish();
type FieldValue = NonNullable<z.output<typeof Fields>>[number]['values'][number];

function valuesOf(record: AmoRecord, where: { readonly code: string } | { readonly id: number }): readonly FieldValue[] {
  const fields = Fields.safeParse(record.custom_fields_values).data ?? [];
  return fields
    .filter((field) => ('code' in where ? field.field_code === where.code : field.field_id === where.id))
    .flatMap(({ values }) => values);
}
const textsOf = (record: AmoRecord, where: Parameters<typeof valuesOf>[1]): readonly string[] =>
  valuesOf(record, where).flatMap(({ value }) => (typeof value === 'string' || typeof value === 'number' ? [String(value)] : []));

/**
 * Searches for a number: its last ten digits, then the usual spellings of its end, since numbers are stored as they were typed and the
 * search compares texts.
 */
export function phoneQueries(phoneNumber: string): readonly string[] {
  const [, ten = '', three, four, five] = /((?:\d{3})?(\d{3})(\d\d)(\d\d))$/.exec(phoneNumber) ?? [];
  return [ten, [three, four, five].join('-'), [three, four, five].join(' ')];
}
export function hasPhone(record: AmoRecord, phoneNumber: string, country: PhoneCountry): boolean {
  return textsOf(record, { code: 'PHONE' }).some((phone) => isPhone(phone, phoneNumber, country));
}
export function hasEmail(record: AmoRecord): boolean {
  return textsOf(record, { code: 'EMAIL' }).length > 0;
}
export const phoneField = (...values: readonly object[]) => ({ field_code: 'PHONE', values });
export const emailField = (email: string) => ({ field_code: 'EMAIL', values: [{ value: email, enum_code: 'WORK' }] });
export const mobile = (phoneNumber: string) => ({ value: phoneNumber, enum_code: 'MOB' });
/** The numbers of a record as they must be repeated to keep them: a change replaces all. Old ones have `enum`, which is not written. */
export function storedPhones(record: AmoRecord): readonly object[] {
  return valuesOf(record, { code: 'PHONE' }).map(({ value, enum_code, enum: old }) => {
    const kind = enum_code ?? old ?? '';
    return { value, enum_code: phoneKinds.includes(kind) ? kind : 'OTHER' };
  });
}

/** A record is marked with our reference in a field, or in a tag where there is none. */
export const tagOf = (ref: string): string => `PolyB ${ref}`;
export function carriesReference(record: AmoRecord, ref: string, fieldId: number | undefined): boolean {
  return fieldId === undefined ? tagsOf(record).includes(tagOf(ref)) : textsOf(record, { id: fieldId }).includes(ref);
}
const Related = z.object({
  _embedded: z.record(z.string(), z.array(z.looseObject({ id: z.number().nullish(), name: z.string().nullish() }))),
});
const related = (record: AmoRecord, name: string) => Related.safeParse(record).data?._embedded[name] ?? [];
const tagsOf = (record: AmoRecord): readonly string[] => related(record, 'tags').flatMap(({ name }) => name ?? []);
/** Newest first. Only a contact that was read `with=leads` has them. */
export function leadIdsOf(contact: AmoRecord): readonly number[] {
  return related(contact, 'leads')
    .flatMap(({ id }) => id ?? [])
    .sort((a, b) => b - a);
}

/** Of a lead that was read `with=contacts`: the main one, or else the first. */
export function contactIdOf(lead: AmoRecord): number | null {
  const contacts = related(lead, 'contacts');
  return (contacts.find(({ is_main: isMain }) => isMain === true) ?? contacts[0])?.id ?? null;
}
/** The first phone of a contact, E.164. */
export function firstPhone(contact: AmoRecord, country: PhoneCountry): string | null {
  return textsOf(contact, { code: 'PHONE' }).flatMap((phone) => phoneNumbersIn(phone, country))[0] ?? null;
}
/** The value of a date field, in ms. */
export function dateIn(record: AmoRecord, fieldId: number | undefined): number | null {
  const [value] = fieldId === undefined ? [] : valuesOf(record, { id: fieldId });
  return typeof value?.value === 'number' ? value.value * 1000 : null;
}
export const tagNamesOf = (record: AmoRecord): readonly string[] => tagsOf(record);

/** Texts of tasks and notes have the reference in a line. */
export const withReferenceLine = (ref: string, ...parts: readonly (string | undefined)[]): string =>
  [...parts.filter((part) => part !== undefined && part !== ''), referenceLine(ref)].join('\n');
const referenceLine = (ref: string): string => `PolyB-Ref: ${ref}`;
/** A text without the line of our reference. */
export const withoutReferenceLine = (text: unknown): string =>
  typeof text === 'string'
    ? text
        .split(/\r?\n/)
        .filter((each) => !each.startsWith('PolyB-Ref: '))
        .join('\n')
    : '';
export const hasReferenceLine = (text: unknown, ref: string): boolean =>
  typeof text === 'string' && text.split(/\r?\n/).includes(referenceLine(ref));

/** Times are in seconds. */
export const secondsOf = (time: Date | string): number => Math.floor(new Date(time).getTime() / 1000);
export const createdMs = (record: AmoRecord): number => (typeof record.created_at === 'number' ? record.created_at * 1000 : 0);

export function contactFrom(record: AmoRecord, country: PhoneCountry): Contact {
  const name = (value: unknown) => PersonName.safeParse(value).data ?? null;
  const phones = textsOf(record, { code: 'PHONE' }).flatMap((phone) => phoneNumbersIn(phone, country));
  return {
    contactId: String(record.id),
    // A contact that was created by its whole name has no first name.
    firstName: name(record.first_name) ?? (name(record.last_name) === null ? name(record.name) : null),
    lastName: name(record.last_name),
    phones: [...new Set(phones)].slice(0, 20),
    email: textsOf(record, { code: 'EMAIL' }).flatMap((email) => Email.safeParse(email).data ?? [])[0] ?? null,
    timeZone: null,
  };
}
