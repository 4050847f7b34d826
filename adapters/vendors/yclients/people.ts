/** Clients of a location: search, creation, comments. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Call, SalonClient } from './client.ts';
import type { SalonOptions } from './platform.ts';
import { digitsOf, emailOf, type Fields, fieldsOf, idOf, isMasked, phoneOf, textOf } from './values.ts';

export interface Person {
  readonly id: string;
  readonly name: string | null;
  readonly surname: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly isMasked: boolean;
  /** As received, with what else there is. */
  readonly fields: Fields;
}
export interface People {
  read(id: string, signal: AbortSignal): Promise<Person | null>;
  /** Clients with this phone (E.164), oldest first; also those with a masked one, which cannot be compared. */
  withPhone(phoneNumber: string, signal: AbortSignal): Promise<readonly Person[]>;
  /** `created` is false if somebody with the phone exists and the location refuses a second one. */
  create(
    person: NewPerson,
    at: { readonly ref: string; readonly signal: AbortSignal },
  ): Promise<{ readonly id: string; readonly created: boolean }>;
  /** The client that an attempt with this reference created, else another one with the phone. */
  created(phoneNumber: string, ref: string, signal: AbortSignal): Promise<{ readonly id: string; readonly created: boolean } | null>;
}
export interface NewPerson {
  readonly name: string;
  readonly surname?: string | undefined;
  readonly phoneNumber: string;
  readonly email?: string | undefined;
}
/** A line of our own in a comment. */
export const referenceLine = (ref: string): string => `PolyB-Ref: ${ref}`;

const mostSearched = 5;
/** More hits for a whole number mean that the search was not done by it. */
const mostMasked = 10;

export function peopleOf(client: SalonClient, { companyId }: Pick<SalonOptions, 'companyId'>): People {
  const pathOf = (id: string) => `client/${companyId}/${id}`;

  async function read(id: string, signal: AbortSignal): Promise<Person | null> {
    if (idOf(id) === null) return null;
    const reply = await client.find({ path: pathOf(id), signal, what: 'Reading a client' });
    return reply === null ? null : personFrom(fieldsOf(reply.data));
  }
  async function withPhone(phoneNumber: string, signal: AbortSignal): Promise<readonly Person[]> {
    const search = (page: number, pageSize: number): Call => ({
      method: 'POST',
      path: `company/${companyId}/clients/search`,
      // Without `fields` a reply has ids only.
      body: {
        page,
        page_size: pageSize,
        fields: ['id', 'name', 'phone', 'email'],
        order_by: 'id',
        order_by_direction: 'asc',
        filters: [{ type: 'quick_search', state: { value: digitsOf(phoneNumber) } }],
      },
      signal,
      what: 'Searching clients',
    });
    const { rows } = await client.rows(mostSearched, search);
    const found = rows.flatMap((row) => personFrom(row) ?? []).sort((a, b) => Number(a.id) - Number(b.id));
    // The search looks for a substring in names and e-mail addresses too.
    return found
      .filter((each) => (each.phone === null ? isMasked(each.fields.phone) && found.length <= mostMasked : each.phone === phoneNumber))
      .slice(0, 50);
  }
  const created: People['created'] = async (phoneNumber, ref, signal) => {
    const [first, ...others] = await withPhone(phoneNumber, signal);
    if (first === undefined) return null;
    for (const { id } of [first, ...others]) {
      const person = await read(id, signal);
      if (linesOf(person?.fields.comment).includes(referenceLine(ref))) return { id, created: true };
    }
    return { id: first.id, created: false };
  };

  return {
    read,
    withPhone,
    created,
    async create({ name, surname, phoneNumber, email }, { ref, signal }) {
      const body = { name, surname, phone: digitsOf(phoneNumber), email, comment: referenceLine(ref) };
      try {
        const { data } = await client.call({ method: 'POST', path: `clients/${companyId}`, body, signal, what: 'Creating a client' });
        const person = personFrom(fieldsOf(data));
        if (person === null)
          throw new PolybError('upstream_failed', 'Creating a client: expected an id in the reply.', { reason: 'bad_reply' });
        return { id: person.id, created: true };
      } catch (thrown) {
        // A refusal may mean that the phone is in use, and a refused request may have been executed.
        const isRefused = (thrown as PolybError).reason === 'crm_rejected' || (thrown as PolybError).code === 'conflict';
        const existing = isRefused ? await created(phoneNumber, ref, signal) : null;
        if (existing === null) throw thrown;
        return existing;
      }
    },
  };
}

function personFrom(fields: Fields): Person | null {
  const id = idOf(fields.id);
  if (id === null) return null;
  return {
    id,
    name: textOf(fields.name),
    surname: textOf(fields.surname),
    phone: phoneOf(fields.phone),
    email: emailOf(fields.email),
    isMasked: isMasked(fields.phone) || isMasked(fields.email),
    fields,
  };
}
export const linesOf = (value: unknown): readonly string[] =>
  String(value ?? '')
    .split(/\r?\n/)
    .map((line) => line.trim());
