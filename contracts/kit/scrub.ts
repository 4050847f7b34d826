/** Removes phones and tokens that reach a log, a trace or an error despite all other rules. Imports nothing. */

/** European, Arabic, Persian, Devanagari and full-width digits, as the content of a character class. */
const digits = '0-9٠-٩۰-۹०-९０-９';
const digit = `[${digits}]`;
/**
 * Characters between the digits of a phone, also as escaped in JSON, a URL or HTML. A run of backslashes has only one reading:
 * with several, text that turns out not to be a phone would cost all of them for each gap.
 */
const gap =
  String.raw`(?:[\s().\[\]\-_/+·•‐-―−\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\u20e3\ufe0f\ufeff]` +
  String.raw`|\\{1,15}(?!\\)(?:[nrt]|u(?:00[abAB][0-9a-fA-F]|20[0-6][0-9a-fA-F]|2212|[fF][eE][fF][fF]))?|%(?!3\d)[0-9a-fA-F]{2}|&nbsp;|&#160;){0,6}`;
/** End of an escape: a letter or a digit before a word that does not belong to it. */
const escaped = String.raw`(?<=\\(?:[bfnrt]|u[0-9a-fA-F]{4})|%[0-9a-fA-F]{2})`;
/**
 * Ten or more digits, or seven after a plus; or eleven inside a word, which cannot be a hexadecimal id. Numbers separated only by gaps
 * count as one.
 */
const phone = [
  String.raw`(?:[+＋]|%(?:25){0,3}2[bB]|\\u002[bB])${gap}${digit}(?:${gap}${digit}){6,199}(?!${digit})`,
  `(?:(?<![A-Za-z${digits}])|${escaped})${digit}(?:${gap}${digit}){9,199}(?![A-Za-z${digits}])`,
  '[78]9(?<=(?:[g-zG-Z][A-Za-z]{0,3}|(?<![A-Za-z0-9]))..)[0-9]{9}(?=[A-Za-z]{0,3}[g-zG-Z]|(?![A-Za-z0-9]))',
].join('|');
/**
 * Other long digit sequences: a UUID, also behind a prefix as in `call_…`, the id of an API key, a date with or without a time, an IPv4 address. Matched first and left
 * unchanged.
 */
const octet = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`;
const harmless = [
  String.raw`\bpk_[0-9a-f]{12}\b`,
  '(?<![A-Za-z0-9])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![A-Za-z0-9])',
  String.raw`(?<![A-Za-z0-9])(?:19|20)\d\d-(?:0\d|1[0-2])-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:\.\d{1,9})?)?)?(?![\d\-])`,
  String.raw`(?<![\d.])${octet}(?:\.${octet}){3}(?![\d.\-])`,
].join('|');
const phones = new RegExp(`(${harmless})|${phone}`, 'g');
/** The part of a gap that contains digits. */
const notOfTheNumber = new RegExp(String.raw`\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|&#160;|[^${digits}]`, 'g');

// Each pattern is bounded or starts at a rare character, so that the cost is linear in the length.
/** Start of a word. */
const begin = `(?:(?<![A-Za-z0-9])|${escaped})`;
/** Credentials in a URL, also as escaped by PHP. */
const urlCredentials = /(:\\{0,15}\/\\{0,15}\/)[^/\s"'@]*(?:@[^/\s"'@]*)*@|(%3A%2F%2F)(?:(?!%40|%2F)[^/\s"'@&])*%40/gi;
/** `Bearer …` and similar schemes. */
const scheme = new RegExp(String.raw`${begin}(Bearer|Basic|Api-Key|OAuth)(\s{1,8}|%20|\+)[A-Za-z0-9._~+/=:%-]{6,}`, 'gi');
/** A Telegram bot token and a JSON web token, also truncated; `sk-…`; a Meta token. */
const bareToken = new RegExp(
  String.raw`\d{6,12}(?::|%3[aA])[\w-]{20,}|${begin}(?:eyJ[\w-]{8,}(?:\.[\w-]*){0,2}|sk-[\w-]{16,}|EAA[A-Za-z0-9]{30,})`,
  'g',
);
/** The secret of an API key of this system; its id remains. */
const ownKey = new RegExp(String.raw`${begin}(pk_[a-z0-9]{4,40}\.)[\w-]{8,}`, 'g');
/**
 * `token=…`, `"password": "…"`, `<secret>…`: unquoted up to the next mark, or quoted up to the same quotes, which nested JSON escapes
 * repeatedly.
 */
const name = String.raw`(?:token|api[-_]?key|authorization|cookie|(?:password|passwd|secret|signature)(?:[_-]\w{1,40})?|${['пароль', 'токен', 'секрет'].map(inAnyForm).join('|')})`;
const quote = String.raw`(?:\\{0,63}["']|(?:%5C){0,15}%22|&quot;)`;
const space = String.raw`(?:\s|%20|\+){0,4}`;
const named = new RegExp(
  String.raw`(${name}${quote}?${space}(?:=?>|[:=]|%3[aAdD])${space})(?:(${quote})(?:(?!(?<!\\|%5C)\2)[^])+(?=\2)|(${quote}?)[^\s"'\\&,;{}<>]{3,})`,
  'gi',
);

/** A Russian word, plain, as escaped by PHP, and in a URL. */
function inAnyForm(word: string): string {
  const either = (form: (letter: string) => string) =>
    [...word].map((letter) => `(?:${form(letter)}|${form(letter.toUpperCase())})`).join('');
  const php = either((letter) => String.raw`\\{1,15}u0${letter.charCodeAt(0).toString(16)}`);
  return String.raw`${word}|(?<!\\)${php}|${either(encodeURIComponent)}`;
}

/** A digit or a plus of another script, as escaped by PHP and URLs. */
const escapedDigit = /\\{1,15}u(?:(?:ff1|066|06f)(\d)|096([6-9a-f])|ff0b)|%(?:(?:EF%BC%9|D9%A|DB%B)(\d)|E0%A5%A([6-9A-F])|EF%BC%8B)/gi;

/** The text without phones (the last four digits remain) and without credentials. Idempotent. */
export function scrub(text: string): string {
  return text
    .replace(urlCredentials, '$1$2***@')
    .replace(scheme, '$1$2***')
    .replace(bareToken, '***')
    .replace(ownKey, '$1***')
    .replace(named, '$1$2$3***')
    .replace(escapedDigit, (_, last, indic, lastInUrl, indicInUrl) => asciiDigit(last ?? lastInUrl, indic ?? indicInUrl))
    .replace(phones, (match: string, kept: string | undefined) => kept ?? `***${match.replace(notOfTheNumber, '').slice(-4)}`);
}
/** By its last digit, or by the last hexadecimal digit of a Devanagari one; a plus has neither. */
function asciiDigit(last: string | undefined, indic: string | undefined): string {
  return indic === undefined ? (last ?? '+') : String(Number.parseInt(indic, 16) - 6);
}
