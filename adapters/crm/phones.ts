/**
 * Phones as people type them into a CRM: several in one field, with words, extensions and any international prefix.
 *
 * libphonenumber completes numbers with a lost digit (`8999555332`) and reads one number per text, so the text is split, and Russian
 * and Kazakh numbers are checked, before it is used.
 */
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { z } from 'zod';

/** ISO 3166 code of the country whose national numbers are written without a country code. */
export type PhoneCountry = CountryCode;
/** The schema of a setting; default RU. */
export const phoneCountry = () =>
  z
    .string()
    .trim()
    .pipe(z.custom<PhoneCountry>((code) => typeof code === 'string' && isSupportedCountry(code)))
    .meta({ expected: 'the ISO code of a country, e.g. RU' })
    .default('RU');

/** True when one of the numbers in `stored`, in any spelling (`8 (999) 555-33-22 ext. 4`, `007…`), is `phoneNumber` (E.164). */
export function isPhone(stored: string, phoneNumber: string, country: PhoneCountry = 'RU'): boolean {
  return phoneNumbersIn(stored, country).includes(phoneNumber);
}

/** The first number in `stored`, E.164; null if there is none. */
export function toE164(stored: string, country: PhoneCountry = 'RU'): string | null {
  return phoneNumbersIn(stored, country)[0] ?? null;
}

/** A label and up to seven digits; a longer number after it is a phone. */
const extension =
  /(?:доб(?:авочн\p{L}*)?|вн(?:утр\p{L}*)?|тон(?:альн\p{L}*)?|ext(?:n|ension)?|[x\u0445#])[\s.:=\u2116]*\d{1,7}(?!\d|[\s()-]*\d{3})/giu;
/** Characters that occur inside one number, and the slash. */
const apart = /[^\d+()\s./~\u2010-\u2015\u2212-]+|[\n\t]+|(?=\+)/u;
const longest = 500;
/** Four numbers. */
const mostDigits = 60;

/** Every number in the text, E.164, without extensions; a number of doubtful length is left out, never completed. */
export function phoneNumbersIn(stored: string, country: PhoneCountry = 'RU'): readonly string[] {
  const parts = westernDigits(stored.slice(0, longest)).replace(extension, ';').split(apart);
  return [...new Set(parts.flatMap((part) => numbersOf(part, country)))];
}

/** Full-width and Arabic digits become ASCII; marks without width go. */
function westernDigits(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 0xf));
}

/** A slash belongs to a number in some countries and separates numbers in others. */
function numbersOf(part: string, country: PhoneCountry): readonly string[] {
  const whole = numberOf(part, country);
  if (whole !== null) return [whole];
  if (part.includes('/')) return part.split('/').flatMap((each) => numbersOf(each, country));
  const words = part.split(/\s+/).filter((word) => /\d/.test(word));
  return part.replace(/\D/g, '').length > mostDigits ? [] : sequenceOf(words, country);
}
/** Numbers with spaces between them. Empty unless every word belongs to one of them. */
function sequenceOf(words: readonly string[], country: PhoneCountry): readonly string[] {
  for (let end = 1; end < words.length; end += 1) {
    const first = numberOf(words.slice(0, end).join(' '), country);
    if (first === null) continue;
    const rest = numbersOf(words.slice(end).join(' '), country);
    if (rest.length > 0) return [first, ...rest];
  }
  return [];
}

function numberOf(part: string, country: PhoneCountry): string | null {
  const digits = part.replace(/\D/g, '');
  if (digits.length < 5 || digits.length > 18) return null;
  const isLocal = country === 'RU' || country === 'KZ';
  const prefix = (isLocal ? /^(?:00|810(?=\d{9}))/ : /^00/).exec(digits)?.[0];
  if (prefix !== undefined) return international(digits.slice(prefix.length));
  if (part.includes('+')) return international(digits) ?? russian(digits);
  const national = isLocal ? (russian(digits) ?? withoutCode(digits, country)) : valid(digits, country);
  return national ?? (digits.length >= 11 ? (digits.startsWith('7') ? russian(digits) : valid(`+${digits}`)) : null);
}

/** After 7, 8 or both. The ten digits of a Russian number begin with 3, 4, 80-87 or 9, of a Kazakh one with 7. */
function russian(digits: string): string | null {
  const [, ten] = /^(?:78?|8)((?:[3479]\d|8[0-7])\d{8})$/.exec(digits) ?? [];
  return ten === undefined ? null : `+7${ten}`;
}
/** No Kazakh number begins with 73 or 79; a Russian one that lost a digit does. */
function withoutCode(digits: string, country: 'RU' | 'KZ'): string | null {
  const isWhole = country === 'RU' ? /^(?:[349]\d|8[0-7])\d{8}$/ : /^7[0-24-8]\d{8}$/;
  return isWhole.test(digits) ? `+7${digits}` : null;
}
/** Only by length: numbering plans grow, and the number names its country. */
function international(digits: string): string | null {
  if (digits.startsWith('7')) return russian(digits);
  const parsed = parsePhoneNumberFromString(`+${digits}`);
  return parsed?.isPossible() === true ? parsed.number : null;
}
function valid(digits: string, country?: PhoneCountry): string | null {
  const parsed = parsePhoneNumberFromString(digits, country);
  return parsed?.isValid() === true ? parsed.number : null;
}
