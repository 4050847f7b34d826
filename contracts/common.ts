/** Schemas that several contracts share. Every one is bounded; what is personal says so in `pii`. */
import { z } from 'zod';

/** What kind of personal data a field holds; logs, traces, taps and dead letters obey it. */
export type Pii = 'phone' | 'name' | 'text' | 'audio';

/** Strips separators and brings Russian and Kazakh numbers of 11 digits to E.164. What it cannot bring there it leaves as it is. */
export function normalizePhone(given: string): string {
  const bare = given.replace(/[\s().\-‐-―]/g, '');
  return /^[78]\d{10}$/.test(bare) ? `+7${bare.slice(1)}` : bare;
}
/** `+7999***3322`: enough to recognise, not enough to call. */
export function maskPhone(phone: string): string {
  // A short number would be shown whole by its first five and last four characters.
  return phone.length < 12 ? `***${phone.length < 8 ? '' : phone.slice(-2)}` : `${phone.slice(0, 5)}***${phone.slice(-4)}`;
}

/** E.164 with the leading `+`. Separators are stripped, 11 digits that start with 8 or 7 become `+7…`. */
export const Phone = z
  .string()
  .max(32)
  .overwrite(normalizePhone)
  .regex(/^\+[1-9]\d{6,14}$/, 'E.164, e.g. +79995553322')
  .meta({ pii: 'phone', examples: ['+79995553322'] });
/** An opaque identifier: ours, or a vendor's. */
export const Id = z.string().min(1).max(64);
/** What makes a repeat recognisable. */
export const Key = z.string().min(1).max(255);
export const PersonName = z.string().trim().min(1).max(100).meta({ pii: 'name' });
/** Words of or about a person. */
export const PersonText = z.string().max(4096).meta({ pii: 'text' });
/** A line for people, free of personal data. */
export const Line = z.string().min(1).max(200);
export const Email = z.email().max(254).meta({ pii: 'name' });
/** Somebody behind the caller, as the caller knows them: `client/key` or `client/key/person` of an API key, `telegram/…` of a button. */
export const OnBehalfOf = z.string().max(130).optional();
/** Who acted: the bus user that called, and behind a colon whom it speaks for. */
export const Actor = z.string().max(160);
/** Who is written down as having done something: the caller, and behind its name whom it speaks for. */
export function actorOf(caller: string, onBehalfOf: string | undefined): string {
  return onBehalfOf === undefined ? caller : `${caller}:${onBehalfOf}`.slice(0, 160);
}
/** What an actor `gateway:client/key` or `gateway:client/key/person` names; undefined for any other actor. A key proves its person. */
export function apiKeyOf(actor: string): { readonly client: string; readonly person: string | undefined } | undefined {
  const [, client, , person] = /^gateway:([^/]+)\/([^/]+)(?:\/(.+))?$/.exec(actor) ?? [];
  return client === undefined ? undefined : { client, person };
}
/** RFC 3339 with a zone; of ours, in UTC with milliseconds. PostgreSQL has no year 0, and no date that people mean is before 1000. */
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
/** At most so many bytes; base64 where the body is JSON. */
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
/** Anything larger is a `BlobRef`. */
export const Bytes = bytesUpTo(262_144);
/** Where bytes lie that are too large for a message. */
export const BlobRef = z.strictObject({ blobId: Id, bytes: z.int().min(0).max(1_073_741_824), contentType: z.string().max(100) });
/** Whom a row that waits for a person reaches. Those who decide see it whole; everywhere else it is masked like other personal data. */
export const Customer = z.strictObject({
  name: z.string().max(300).nullable().meta({ pii: 'name' }),
  channel: z.string().max(32).nullable(),
  said: z.string().max(4096).nullable().meta({ pii: 'text' }).describe('Their last words when the row was proposed.'),
  at: Timestamp.nullable().describe('When they said it.'),
});
/** Where the next page starts; opaque. */
export const Cursor = z.string().min(1).max(500);
export const PageInput = { limit: z.int().min(1).max(200).default(50), cursor: Cursor.optional() };
export function pageOf<T extends z.ZodType>(item: T): z.ZodObject<{ items: z.ZodArray<T>; nextCursor: z.ZodNullable<typeof Cursor> }> {
  return z.object({ items: z.array(item).max(200), nextCursor: Cursor.nullable() });
}
/** Any JSON of bounded depth (16) and size (10,000 values). Used where a contract shows what another contract carries. */
export const Json = z.unknown().refine(isBoundedJson, 'JSON of at most 16 levels and 10,000 values').meta({ bounded: true });
/** Nothing to say. */
export const Nothing = z.object({});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false; // the constructor throws a RangeError for a zone that it does not know; there is no other way to ask
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
