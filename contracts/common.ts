/** Schemas that several contracts share. Every one is bounded; personal data is marked with `pii`. */
import { z } from 'zod';
import { type PersonRole, personRoles } from './kit/define.ts';
import { PolybError } from './kit/errors.ts';

/** Kind of personal data in a field. Logs, traces, taps and dead letters mask it. */
export type Pii = 'phone' | 'name' | 'text' | 'audio';

/**
 * Strips separators and converts Russian and Kazakh numbers of 11 digits to E.164. Other numbers are returned unchanged: the ten digits
 * after 7 or 8 begin with 3, 4, 7, 80-87 or 9.
 */
export function normalizePhone(given: string): string {
  const bare = given.replace(/[\s().\-‐-―]/g, '');
  return /^[78](?:[3479]\d|8[0-7])\d{8}$/.test(bare) ? `+7${bare.slice(1)}` : bare;
}
/** `+7999***3322`: recognisable, but not dialable. */
export function maskPhone(phone: string): string {
  // The first five and last four characters would show all of a short number.
  return phone.length < 12 ? `***${phone.length < 8 ? '' : phone.slice(-2)}` : `${phone.slice(0, 5)}***${phone.slice(-4)}`;
}

/** E.164 with the leading `+`. Separators are stripped, 11 digits that start with 8 or 7 become `+7…`. */
export const Phone = z
  .string()
  .max(32)
  .overwrite(normalizePhone)
  .regex(/^\+[1-9]\d{6,14}$/, 'E.164, e.g. +79995553322')
  .meta({ pii: 'phone', examples: ['+79995553322'] });
/** Whom a gateway dials: a phone in E.164, or for people of the staff a SIP address such as `sip:anna@10.0.0.5` or `person:anna`, the pages of the desk. */
export const Callee = z
  .string()
  .max(200)
  .overwrite((given) => (/^(sips?|person):/i.test(given) ? given : normalizePhone(given)))
  .regex(
    /^(\+[1-9]\d{6,14}|sips?:[\w.+*-]{1,64}@[\w.:[\]-]{1,120}|person:[a-z0-9][a-z0-9_.-]{0,39})$/,
    'E.164, e.g. +79995553322, a SIP address, e.g. sip:anna@10.0.0.5, or a person, e.g. person:anna',
  )
  .meta({ pii: 'phone', examples: ['+79995553322'] });
/** An opaque identifier, of this system or of a provider. */
export const Id = z.string().min(1).max(64);
/** Idempotency key: a repeated request has the same key. */
export const Key = z.string().min(1).max(255);
export const PersonName = z.string().trim().min(1).max(100).meta({ pii: 'name' });
/** Text written by or about a person. */
export const PersonText = z.string().max(4096).meta({ pii: 'text' });
const spaces = '\\s\\u2800\\u3164\\uffa0\\u115f\\u1160\\ufeff';
const joiners = '\\u00ad\\u034f\\u061c\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f';
/** One visible character. */
export const visible = new RegExp(`[^${spaces}${joiners}]`);
/** One line for people, without personal data. */
export const Line = z.string().min(1).max(200);
export const Email = z.email().max(254).meta({ pii: 'name' });
/**
 * The person or key behind the caller, as named by the caller: `client/key` or `client/key/person` for an API key, `telegram/…` for a
 * button.
 */
export const OnBehalfOf = z.string().max(130).optional();
/**
 * The person who looks, filled in by the gateway alone. The owner of a table narrows its output by it: a manager is shown their own chats
 * and those of nobody, and phones of no other chats. Absent for API keys, services and the command line, which see everything.
 */
export const Viewer = z.strictObject({ personId: Id, role: z.enum(personRoles) }).optional();
const seesAllChats = { manager: false, director: true, admin: true, operator: true } as const satisfies Record<PersonRole, boolean>;
/** The person to whose chats, and those of nobody, everything is narrowed; null: all chats are shown. */
export function narrowedTo(viewer: z.output<typeof Viewer>): string | null {
  return viewer === undefined || seesAllChats[viewer.role] ? null : viewer.personId;
}
/** An actor: the bus user that called and, after a colon, the person or key it acts for. */
export const Actor = z.string().max(160);
/** The actor of a recorded action: the caller and, after its name, the person or key it acts for. */
export function actorOf(caller: string, onBehalfOf: string | undefined): string {
  return onBehalfOf === undefined ? caller : `${caller}:${onBehalfOf}`.slice(0, 160);
}
/** Parses an actor `gateway:client/key` or `gateway:client/key/person`; undefined for any other actor. The API key proves the person. */
export function apiKeyOf(actor: string): { readonly client: string; readonly person: string | undefined } | undefined {
  const [, client, , person] = /^gateway:([^/]+)\/([^/]+)(?:\/(.+))?$/.exec(actor) ?? [];
  return client === undefined ? undefined : { client, person };
}
/** RFC 3339 with a zone; this system writes UTC with milliseconds. PostgreSQL has no year 0, and real dates are not before 1000. */
export const Timestamp = z.iso
  .datetime({ offset: true, error: 'a time with its zone, e.g. 2026-11-28T09:00:00Z (a + in a URL is written %2B)' })
  .max(40)
  .refine((text) => text >= '1', 'a year from 1000 on');
/** IANA name, `Europe/Moscow`. */
export const TimeZone = z.string().max(64).refine(isTimeZone, 'an IANA time zone, e.g. Europe/Moscow');
/** BCP 47, `ru-RU`. */
export const Language = z
  .string()
  .max(16)
  .regex(/^[a-z]{2,3}(-[A-Z]{2})?$/, 'a language tag, e.g. ru-RU');
/** Whole minor units (kopecks for RUB) and an ISO 4217 currency. */
export const Money = z.strictObject({
  amountMinor: z.int().min(0).max(1_000_000_000_000),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .max(3),
});
/** At most `max` bytes; base64 where the body is JSON. */
export function bytesUpTo(max: number) {
  return z
    .custom<Uint8Array>((value) => value instanceof Uint8Array || typeof value === 'string', 'bytes, or base64 text')
    .transform((value, context): Uint8Array => {
      const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : value;
      if (bytes.length > max)
        context.addIssue({
          code: 'too_big',
          origin: 'array',
          maximum: max,
          input: value,
          message: `at most ${max / 1024} KB; send a BlobRef`,
        });
      return bytes;
    })
    .meta({ type: 'string', contentEncoding: 'base64', maxLength: Math.ceil(max / 3) * 4 });
}
/** What a provider delivers over HTTP, byte for byte, because signatures cover the bytes. Fields of an input. */
export const RawRequest = {
  headers: z.record(z.string().max(100), z.string().max(8192)).meta({ maxProperties: 100 }).default({}).describe('Names in lower case.'),
  // JSON may write a letter as \u0436: 100 KB of text arrive as 300 KB.
  body: bytesUpTo(786_432).optional(),
  query: z.record(z.string().max(64), z.string().max(1024)).meta({ maxProperties: 20 }).default({}),
};
/** Larger data is a `BlobRef`. */
export const Bytes = bytesUpTo(262_144);
/** Reference to stored bytes that are too large for a message. */
export const BlobRef = z.strictObject({ blobId: Id, bytes: z.int().min(0).max(1_073_741_824), contentType: z.string().max(100) });
/** Recipient of a row that waits for approval or review. Visible to the people who decide; masked elsewhere like other personal data. */
export const Customer = z.strictObject({
  name: z.string().max(300).nullable().meta({ pii: 'name' }),
  channel: z.string().max(32).nullable(),
  said: z.string().max(4096).nullable().meta({ pii: 'text' }).describe('The last words of the customer when the row was proposed.'),
  at: Timestamp.nullable().describe('When the customer said them.'),
});
/**
 * One of several systems of a kind, by the name that the settings give it. `main` is the primary one and serves calls without a
 * connection.
 */
export const Connection = z
  .string()
  .max(20)
  .regex(/^[a-z][a-z0-9]*$/, 'lower-case letters and digits, e.g. main')
  .describe('The connection to use; without it, `main`.');
/** A day, `2026-12-24`. */
export const Day = z.iso.date({ error: 'a date, e.g. 2026-12-24' }).max(10);
/** Opaque start of the next page. */
export const Cursor = z.string().min(1).max(500);
export const PageInput = { limit: z.int().min(1).max(200).default(50), cursor: Cursor.optional() };
export function badCursor(): PolybError {
  return new PolybError('invalid_argument', 'Bad cursor: expected the nextCursor of an earlier page of this list, unchanged.');
}
export function pageOf<T extends z.ZodType>(item: T): z.ZodObject<{ items: z.ZodArray<T>; nextCursor: z.ZodNullable<typeof Cursor> }> {
  return z.object({ items: z.array(item).max(200), nextCursor: Cursor.nullable() });
}
/** Any JSON of bounded depth (16) and size (10,000 values). For contracts that show data of other contracts. */
export const Json = z.unknown().refine(isBoundedJson, 'JSON of at most 16 levels and 10,000 values').meta({ bounded: true });
/** Empty output. */
export const Nothing = z.object({});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false; // The constructor throws a RangeError for an unknown zone; there is no other check.
  }
}

function isBoundedJson(value: unknown): boolean {
  let nodes = 0;
  const walk = (node: unknown, depth: number): boolean => {
    nodes += 1;
    if (depth > 16 || nodes > 10_000) return false;
    if (typeof node !== 'object' || node === null) return true;
    return Object.values(node).every((child) => walk(child, depth + 1));
  };
  return walk(value, 1);
}

/** Where a part of a file begins, and how much of it is read. */
export const Part = {
  offset: z.int().min(0).max(1_073_741_824).default(0),
  length: z.int().min(1).max(262_144).default(262_144),
};
/** A part of a file, for `reply: 'ranged'`. */
export const FilePart = z.object({
  contentType: z.string().max(100),
  name: z.string().max(300).meta({ pii: 'name' }).nullable(),
  bytes: z.int().min(0).describe('Size of the whole file.'),
  version: z.string().max(64).describe('Changes when the bytes change.'),
  body: Bytes,
});
