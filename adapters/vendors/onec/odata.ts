/** Names, literals, times, errors and comparison of 1C's OData. Source: manual of platform 8.3.27, chapter 17.4. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import { scrub } from '../../../contracts/kit/scrub.ts';
import { knownZone } from '../../booking/calendar.ts';
import type { HttpAnswer } from '../../deps.ts';
import { evidenceOf, httpFailure } from '../../http-failure.ts';

export const emptyKey = '00000000-0000-0000-0000-000000000000';
export function isKey(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** Literals of `$filter`. */
export const literal = {
  text: (value: string): string => `'${value.replaceAll("'", "''")}'`,
  key: (value: string): string => `guid'${value}'`,
  time: (local: string): string => `datetime'${local}'`,
  of: (value: string | number | boolean): string => (typeof value === 'string' ? literal.text(value) : String(value)),
};
/** A space as %20: 1C reads a plus as itself. */
export function queryOf(options: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(options)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
    .join('&');
}

/** Times have no zone: they are clock times of the infobase, to the second. */
export function localTime(ms: number, timeZone: string): string {
  return knownZone(timeZone).iso(ms).slice(0, 19);
}
/** Unix ms; null for an empty time (0001-01-01) and for text that is not a time. */
export function timeFrom(local: unknown, timeZone: string): number | null {
  const [, day, hours, minutes, seconds] = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)$/.exec(String(local)) ?? [];
  if (day === undefined || day.startsWith('0001-') || Number.isNaN(Date.parse(day))) return null;
  return knownZone(timeZone).at(day, Number(hours) * 60 + Number(minutes)) + Number(seconds) * 1000;
}

/** The body as text, in the encoding that it names. */
export function textOf({ bytes, headers }: HttpAnswer): string {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const named = /charset=["']?([\w-]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? /<\?xml[^>]*encoding=["']([\w-]+)/i.exec(start)?.[1];
  try {
    return new TextDecoder(named ?? 'utf-8').decode(bytes);
  } catch {
    return new TextDecoder('utf-8').decode(bytes); // The name is unknown.
  }
}
export const isHtml = (answer: HttpAnswer, text: string): boolean =>
  /text\/html/i.test(answer.headers['content-type'] ?? '') || /^\s*(<!doctype html|<html)/i.test(text);

interface OdataError {
  readonly code: string;
  readonly message: string;
}
/** JSON, or XML whatever format was requested. */
function errorIn(text: string): OdataError | undefined {
  const [, code, message = ''] = /<(?:m:)?code>\s*(-?\d+)\s*<\/(?:m:)?code>(?:[\s\S]*?<(?:m:)?message[^>]*>([^<]*))?/.exec(text) ?? [];
  if (code !== undefined) return { code, message };
  try {
    const { 'odata.error': error } = JSON.parse(text) as { 'odata.error'?: { code?: unknown; message?: { value?: unknown } } };
    return error?.code === undefined ? undefined : { code: String(error.code), message: String(error.message?.value ?? '') };
  } catch {
    return undefined; // Neither: the status decides.
  }
}

/** The error for a reply that is not a success. */
export function odataFailure(answer: HttpAnswer, what: string): PolybError {
  const { status } = answer;
  const text = textOf(answer);
  const error = errorIn(text);
  const evidence = evidenceOf(answer);
  if (status === 412)
    return new PolybError('conflict', `${what}: somebody changed the record meanwhile.`, { reason: 'version_conflict', evidence });
  if (error === undefined) {
    const failure = httpFailure(answer, what, 'crm_rejected');
    // Without an error of 1C a 404 is the web server's: there is no infobase at this address.
    return failure.code === 'not_found'
      ? rejected(`${what}: no OData interface at this address; check ONEC_URL and the publication of the infobase.`, evidence)
      : failure;
  }
  const why = `${what}: ${scrub(error.message.slice(0, 200))} (code ${error.code})`;
  switch (error.code) {
    case '8':
      return rejected(
        `${why}. Publish the object for OData (УстановитьСоставСтандартногоИнтерфейсаOData), or correct its name in ONEC_MAPPING.`,
        evidence,
      );
    case '9':
      return new PolybError('not_found', why, { evidence });
    case '10':
      return rejected(`${why}. Correct the attribute in ONEC_MAPPING.`, evidence);
    case '15':
      return new PolybError('conflict', why, { reason: 'duplicate', evidence });
    case '20':
      return new PolybError('failed_precondition', `${why}. Give the user of ONEC_USER rights to this object.`, {
        reason: 'upstream_credentials',
        evidence,
      });
  }
  // A refusal by the configuration itself (-1) comes with status 500; its transaction was rolled back.
  return status === 401 ? httpFailure(answer, what) : rejected(why, evidence);
}
function rejected(message: string, evidence: PolybError['evidence']): PolybError {
  return new PolybError('failed_precondition', message, { reason: 'crm_rejected', evidence });
}

/** What 1C silently did to an attribute. */
export interface Difference {
  readonly field: string;
  readonly rule: 'ignored' | 'cut' | 'changed';
}
/** The first attribute that is not stored as sent: 1C ignores unknown attributes and cuts long text without an error. */
export function differenceOf(sent: object, stored: object, path = ''): Difference | undefined {
  for (const [name, value] of Object.entries(sent)) {
    const field = `${path}${name}`.slice(0, 100);
    const kept = (stored as Readonly<Record<string, unknown>>)[name];
    if (kept === undefined) return { field, rule: 'ignored' };
    if (Array.isArray(value)) {
      const rows: readonly unknown[] = Array.isArray(kept) ? kept : [];
      if (rows.length !== value.length) return { field, rule: 'changed' };
      for (const [nth, row] of value.entries()) {
        const inside = differenceOf(row as object, rows[nth] as object, `${field}.`);
        if (inside !== undefined) return inside;
      }
    } else if (plain(value) !== plain(kept)) {
      const isCut = plain(kept) !== '' && plain(value).startsWith(plain(kept));
      return { field, rule: isCut ? 'cut' : 'changed' };
    }
  }
  return undefined;
}
/** Whole numbers of 64 bits come as text, keys in any case, line ends and trailing spaces as the platform stores them. */
function plain(value: unknown): string {
  const text = String(value ?? '')
    .replaceAll('\r\n', '\n')
    .trimEnd();
  return isKey(text) ? text.toLowerCase() : text;
}
