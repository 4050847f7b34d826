/**
 * Readers for fields of JSON from a channel. A field of an unexpected type counts as missing, so that one invalid optional field
 * loses only itself.
 */
import type { Content } from '../../contracts/content.ts';
import { storable } from './port.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** An object; null for any other value. */
export function objectOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}
/** The fields of an object; empty for any other value. */
export const fieldsOf = (value: unknown): Fields => objectOf(value) ?? {};
/** The objects of a list, at most `max`; empty for any other value. */
export function objectsOf(value: unknown, max = 100): readonly Fields[] {
  return Array.isArray(value)
    ? value
        .map(objectOf)
        .filter((each) => each !== null)
        .slice(0, max)
    : [];
}
/** Storable text of at most `max` UTF-16 units; a number becomes its digits. Null if missing or empty. */
export function textOf(value: unknown, max: number): string | null {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
  return typeof text === 'string' && text !== '' ? storable(text.slice(0, max)) : null;
}
/** A finite number; also from a text of digits. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}
/** An integer from `min` to `max`. */
export function integerOf(value: unknown, min: number, max: number): number | null {
  const number = numberOf(value);
  return number !== null && Number.isSafeInteger(number) && number >= min && number <= max ? number : null;
}
/** Unix ms from Unix seconds, as a number or as text; null if missing or outside the range of dates. */
export function msOf(seconds: unknown): number | null {
  const ms = (numberOf(seconds) ?? Number.NaN) * 1000;
  return Number.isFinite(ms) && ms > 0 && ms <= latestMs ? Math.round(ms) : null;
}
/** The end of the year 9999, the last that RFC 3339 can express. */
const latestMs = 253_402_300_799_999;
export const timeOf = (ms: number): string => new Date(ms).toISOString();

type Money = NonNullable<Extract<Content, { type: 'invoice' }>['amount']>;
/** An amount in minor units. */
export function minorMoneyOf(amount: unknown, currency: unknown): Money | null {
  const amountMinor = integerOf(amount, 0, 1_000_000_000_000);
  return amountMinor !== null && typeof currency === 'string' && /^[A-Z]{3}$/.test(currency) ? { amountMinor, currency } : null;
}
/** An amount in major units, e.g. 12.5 roubles. */
export function majorMoneyOf(amount: unknown, currency: unknown): Money | null {
  const major = numberOf(amount);
  if (major === null || typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) return null;
  return minorMoneyOf(Math.round(major * 10 ** digitsOf(currency)), currency);
}
/** Number of minor-unit digits of an ISO 4217 currency. */
export const digitsOf = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
