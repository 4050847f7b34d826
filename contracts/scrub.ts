/** The net under the rule that no phone and no token reaches a log, a trace or an error. Imports nothing. */

const digit = '[0-9０-９]';
/** What people write between the digits of a phone, also where JSON has escaped it. */
const gap = String.raw`(?:[\s().\[\]\-_/\\·•‐-―−\u200b-\u200f\u2060\ufeff]|\\[nrt]|%20){0,4}`;
/** From ten digits on, or seven after a plus. Numbers that only gaps part are taken as one. */
const phone = `(?:[+＋]|%2[bB])${gap}${digit}(?:${gap}${digit}){6,199}(?![0-9０-９])|(?<![A-Za-z0-9０-９])${digit}(?:${gap}${digit}){9,199}(?![A-Za-z0-9０-９])`;
/** What also has many digits: a UUID, a date with or without a time, an IPv4 address. Matched first, and left alone. */
const octet = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`;
const harmless = [
  String.raw`\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b`,
  String.raw`\b(?:19|20)\d\d-(?:0\d|1[0-2])-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:\.\d{1,9})?)?)?(?![\d\-])`,
  String.raw`(?<![\d.])${octet}(?:\.${octet}){3}(?![\d.\-])`,
].join('|');
const phones = new RegExp(`(${harmless})|${phone}`, 'g');
// Each pattern is bounded or starts at a rare mark, so that the cost grows with the length and no faster.
/** Credentials in a URL; `Bearer …` and its like; a Telegram bot token; a JSON web token; `sk-…`; `token=…`. */
const urlCredentials = /(:\/\/)[^/\s"'@]*(?:@[^/\s"'@]*)*@/g;
const scheme = /\b(Bearer|Basic|Api-Key|OAuth)(\s+)[A-Za-z0-9._~+/=:-]{6,}/gi;
const bareToken = /\d{6,12}:[A-Za-z0-9_-]{30,}|\beyJ[\w-]{8,500}\.[\w-]{1,8000}\.[\w-]*|\bsk-[\w-]{16,}/g;
const named = /((?:token|password|passwd|secret|api[-_]?key|signature)\\?["']?\s*[:=]\s*\\?["']?)[^\s"'\\&,;{}]{3,}/gi;

/** The text without phones (the last four digits stay) and without what looks like a credential. Repeating it changes nothing. */
export function scrub(text: string): string {
  return text
    .replace(urlCredentials, '$1***@')
    .replace(scheme, '$1$2***')
    .replace(bareToken, '***')
    .replace(named, '$1***')
    .replace(phones, (match: string, kept: string | undefined) => kept ?? `***${match.replace(/%2[0bB]|[^0-9０-９]/g, '').slice(-4)}`);
}
