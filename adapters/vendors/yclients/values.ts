/**
 * Values as the platform writes them: numbers also as text, empty objects as `[]`, times in four forms, and phones and e-mail addresses
 * masked with `*` where the user may not see them.
 */
import { Email } from '../../../contracts/common.ts';
import type { Zone } from '../../booking/zone.ts';
import { toE164 } from '../../crm/phones.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** An object; anything else, `[]` among it, is an empty one. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}
export function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}
/** The digits of an id, for use in a path; null for 0, which means none. */
export function idOf(value: unknown): string | null {
  const text = String(value);
  return /^[1-9]\d{0,18}$/.test(text) ? text : null;
}
export const isMasked = (value: unknown): boolean => typeof value === 'string' && value.includes('*');

/** E.164 of a phone in a reply: text or a number, with or without `+`. */
export function phoneOf(value: unknown): string | null {
  if (isMasked(value) || (typeof value !== 'string' && typeof value !== 'number')) return null;
  const text = String(value).trim();
  // Digits alone have their country code.
  return (/^\d{11,15}$/.test(text) ? toE164(`+${text}`) : null) ?? toE164(text);
}
export function emailOf(value: unknown): string | null {
  return isMasked(value) ? null : (Email.safeParse(value).data ?? null);
}
/** Unix ms: of Unix seconds, a local time without a zone, or a time with an offset, with or without its colon. */
export function instantOf(value: unknown, zone: Zone): number | null {
  const text = String(value).trim();
  if (/^\d{9,11}$/.test(text)) return Number(text) * 1000;
  const [, day, time, offset] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? [];
  if (day === undefined || time === undefined || Number.isNaN(Date.parse(day))) return null;
  if (offset === undefined) {
    const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
    return zone.at(day, hours * 60 + minutes) + seconds * 1000;
  }
  const ms = Date.parse(`${day}T${time}${offset}`);
  return Number.isNaN(ms) ? null : ms;
}
/** Whole minutes of seconds; null for none. */
export function minutesOf(seconds: unknown): number | null {
  const minutes = Math.ceil((numberOf(seconds) ?? 0) / 60);
  return minutes >= 1 ? minutes : null;
}
/** The phone as requests carry it: digits without `+`. */
export const digitsOf = (phoneNumber: string): string => phoneNumber.replace(/\D/g, '');
