/** Contacts of 1C: names, and phones and addresses in rows of a tabular part. */
import { Email, PersonName } from '../../../contracts/common.ts';
import { type PhoneCountry, phoneNumbersIn } from '../../crm/phones.ts';
import type { Contact } from '../../crm/port.ts';
import type { OnecClient, OnecRecord } from './client.ts';
import type { MappedRows, Mapping } from './mapping.ts';
import { literal } from './odata.ts';
import type { Attributes, OnecRecords } from './records.ts';

type Person = { readonly firstName: string; readonly lastName?: string | undefined };
export interface OnecContacts {
  /** Contacts that have the phone, by code, which grows with age. */
  find(phoneNumber: string, signal: AbortSignal): Promise<readonly OnecRecord[]>;
  contactFrom(record: OnecRecord): Contact;
  nameOf(person: Person): Attributes;
  /** The rows of the contact with those added that it lacks; null if it lacks none. */
  withRows(
    record: OnecRecord | null,
    more: { readonly phoneNumber?: string | undefined; readonly email?: string | undefined },
    signal: AbortSignal,
  ): Promise<Attributes | null>;
}
const mostContacts = 50;

export function onecContacts({
  client,
  records,
  mapping: { contacts: section },
  country,
}: {
  readonly client: OnecClient;
  readonly records: OnecRecords;
  readonly mapping: Mapping;
  readonly country: PhoneCountry;
}): OnecContacts {
  const { entity, name, phones, emails } = section;
  const rowsOf = (record: OnecRecord, of: MappedRows): readonly OnecRecord[] => {
    const rows = record[of.table];
    const all = Array.isArray(rows) ? (rows as readonly OnecRecord[]) : [];
    return all.filter((row) => Object.entries(of.where).every(([attribute, value]) => row[attribute] === value));
  };
  const textsIn = (row: Attributes, { text, bare }: MappedRows): readonly string[] =>
    [row[text], bare === undefined ? '' : row[bare]].flatMap((each) => (typeof each === 'string' && each !== '' ? [each] : []));
  /** The written text decides; bare digits have lost the plus, which may matter. */
  const numbersIn = (row: Attributes): readonly string[] => {
    const [first = '', second = ''] = textsIn(row, phones);
    return phoneNumbersIn(/\d/.test(first) ? first : second, country);
  };
  const hasPhone = (row: Attributes, phoneNumber: string) => numbersIn(row).includes(phoneNumber);
  const phonesOf = (record: OnecRecord) => rowsOf(record, phones).flatMap(numbersIn);
  const emailOf = (record: OnecRecord) =>
    emails === undefined
      ? null
      : (rowsOf(record, emails)
          .flatMap((row) => textsIn(row, emails))
          .flatMap((each) => Email.safeParse(each).data ?? [])[0] ?? null);

  /** Digits in one piece where the row keeps them so, else the same digits with anything between. */
  function filterOf(phoneNumber: string): string {
    const digits = phoneNumber.replace(/\D/g, '').slice(-10);
    const parts = [
      ...(phones.bare === undefined ? [] : [`substringof(${literal.text(digits)},${phones.bare}) eq true`]),
      `like(${phones.text},${literal.text(`%${[...digits].join('%')}%`)})`,
    ];
    const where = Object.entries(phones.where).map(([attribute, value]) => `${attribute} eq ${literal.of(value)}`);
    return [...where, `(${parts.join(' or ')})`].join(' and ');
  }

  return {
    async find(phoneNumber, signal) {
      const select = ['Ref_Key', 'LineNumber', phones.text, ...(phones.bare === undefined ? [] : [phones.bare])];
      const rows = await client.list(`${entity}_${phones.table}`, { filter: filterOf(phoneNumber), select }, signal);
      const keys = new Set(rows.filter((row) => hasPhone(row, phoneNumber)).map(({ Ref_Key }) => Ref_Key));
      const owners = await Promise.all([...keys].slice(0, mostContacts).map((key) => records.find('contact', key, signal)));
      return owners
        .filter((owner) => owner !== null)
        .filter((owner) => rowsOf(owner, phones).some((row) => hasPhone(row, phoneNumber)))
        .toSorted((a, b) => String(a.Code ?? '').localeCompare(String(b.Code ?? '')));
    },
    contactFrom: (record) => ({
      contactId: record.Ref_Key,
      ...namesIn(record),
      phones: [...new Set(phonesOf(record))].slice(0, 20),
      email: emailOf(record),
      timeZone: null,
    }),
    nameOf({ firstName, lastName }) {
      if ('first' in name) return records.compose([name.first, firstName], [name.last, lastName]);
      const words = name.order === 'first_last' ? [firstName, lastName] : [lastName, firstName];
      return { [name.whole]: words.filter((each) => each !== undefined).join(' ') };
    },
    async withRows(record, { phoneNumber, email }, signal) {
      const isNewPhone =
        phoneNumber !== undefined && !(record !== null && rowsOf(record, phones).some((row) => hasPhone(row, phoneNumber)));
      const isFirstEmail = email !== undefined && emails !== undefined && (record === null || emailOf(record) === null);
      const added = [
        ...(isNewPhone ? [{ of: phones, text: phoneNumber, bare: phoneNumber.slice(1) }] : []),
        ...(isFirstEmail ? [{ of: emails, text: email, bare: email }] : []),
      ];
      if (added.length === 0) return null;
      const parts: Record<string, Attributes[]> = {};
      for (const { of, text, bare } of added) {
        const rows = parts[of.table] ?? storedRows(record?.[of.table]);
        parts[of.table] = rows;
        rows.push({
          ...of.where,
          ...(await records.constants(of.constants, signal)),
          ...records.compose([of.text, text], [of.bare, bare]),
        });
      }
      // The part is replaced as a whole, with lines from 1 on without gaps.
      const numbered = (rows: readonly Attributes[]) => rows.map((row, nth) => ({ ...row, LineNumber: String(nth + 1) }));
      return Object.fromEntries(Object.entries(parts).map(([table, rows]) => [table, numbered(rows)]));
    },
  };

  function namesIn(record: OnecRecord): Pick<Contact, 'firstName' | 'lastName'> {
    if ('first' in name) return { firstName: nameFrom(record[name.first]), lastName: nameFrom(record[name.last]) };
    const words = String(record[name.whole] ?? '')
      .trim()
      .split(/\s+/);
    const [first, last] =
      name.order === 'first_last' || words.length === 1 ? [words[0], words.slice(1).join(' ')] : [words.slice(1).join(' '), words[0]];
    return { firstName: nameFrom(first), lastName: nameFrom(last) };
  }
}

/** Rows as they were read, without the properties that are not attributes. */
function storedRows(rows: unknown): Attributes[] {
  if (!Array.isArray(rows)) return [];
  return rows.map((row: Attributes) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'Ref_Key' && !name.includes('@'))),
  );
}
function nameFrom(value: unknown): string | null {
  return PersonName.safeParse(value).data ?? null;
}
