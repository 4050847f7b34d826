/** Removes personal data from an error before it is returned, logged or stored. */
import type { z } from 'zod';
import type { Pii } from '../../contracts/common.ts';
import { personalTexts } from '../../contracts/kit/describe.ts';
import { type Evidence, isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { scrub } from '../../contracts/kit/scrub.ts';

type Redact = (text: string) => string;
const deepestCause = 5;
const deepestData = 8;
/** Total of one input: an error cannot hold more of it. */
const mostLetters = 10_000;
/** Shorter words occur in any text. */
const shortest = 2;
/** Longer texts are searched as a whole. */
const longestPattern = 500;
/** A value that is an instant holds no personal text, even if a word of one, such as the number in a name, occurs in it. */
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * The error without phone numbers, credentials and the personal data of the handler's input, which providers and handlers repeat in
 * their messages. The same object when there is nothing to hide.
 */
export function redactError(thrown: unknown, schema?: z.ZodType, input?: unknown): unknown {
  const forms = schema === undefined ? [] : personal(schema, input);
  const redact: Redact = forms.length === 0 ? scrub : (text) => scrub(without(forms, text));
  return redacted(thrown, redact, deepestCause);
}

function redacted(thrown: unknown, redact: Redact, depth: number): unknown {
  if (typeof thrown === 'string') return redact(thrown);
  if (!Error.isError(thrown) && !isPolybError(thrown)) return thrown;
  const error = thrown as Error;
  const message = redact(String(error.message));
  const cause = depth > 0 ? redacted(error.cause, redact, depth - 1) : undefined;
  if (!isPolybError(error)) {
    const stack = error.stack === undefined ? undefined : redact(error.stack);
    if (message === error.message && cause === error.cause && stack === error.stack) return error;
    const { code } = error as { code?: unknown };
    return named(new Error(message, cause === undefined ? undefined : { cause }), { name: error.name, stack, code });
  }
  const data = clean(error.data, redact, deepestData);
  const evidence = clean(error.evidence, redact, deepestData) as Evidence | undefined; // only its texts differ
  if (message === error.message && cause === error.cause && data === error.data && evidence === error.evidence) return error;
  const { code, reason, retryAfterMs, outcome } = error;
  // The stack is costly to format, so only where there is something to hide.
  return named(new PolybError(code, message, { reason, data, retryAfterMs, outcome, evidence, cause }), {
    stack: error.stack === undefined ? undefined : redact(error.stack),
  });
}
function named(error: Error, { name, stack, code }: { name?: string; stack?: string | undefined; code?: unknown }): Error {
  for (const [key, value] of Object.entries({ name, stack, code }))
    if (value !== undefined && !(key === 'code' && isPolybError(error)))
      Object.defineProperty(error, key, { value, writable: true, configurable: true });
  return error;
}

/** The same value when no text in it changes. */
function clean(value: unknown, redact: Redact, depth: number): unknown {
  if (typeof value === 'string') return instant.test(value) ? value : redact(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (depth === 0) return '***';
  const entries = Object.entries(value).map(([name, inner]) => [name, clean(inner, redact, depth - 1)] as const);
  if (entries.every(([name, inner]) => inner === (value as Record<string, unknown>)[name])) return value;
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

/** A personal text in one of its written forms, and the same in lower case. */
type Form = readonly [form: string, lower: string];
/** The personal texts of an input, also as JSON, PHP and URLs escape them; the longer first, because a shorter one may be part of it. */
function personal(schema: z.ZodType, input: unknown): readonly Form[] {
  const forms = new Set<string>();
  let room = mostLetters;
  for (const { pii, text } of personalTexts(schema, input)) {
    room -= text.length;
    if (room >= 0) for (const form of formsOf(pii, text.trim())) if (form.length >= shortest) forms.add(form);
  }
  return [...forms].sort((a, b) => b.length - a.length).map((form) => [form, form.toLowerCase()]);
}
/** The text without the forms that occur in it as whole words. Few do, and one pattern of all would be too large. */
function without(forms: readonly Form[], text: string): string {
  const lower = text.toLowerCase();
  const found = forms.filter(([, form]) => lower.includes(form)).map(([form]) => form);
  const whole = found.filter((form) => form.length > longestPattern).reduce((left, form) => left.replaceAll(form, '***'), text);
  const words = found.filter((form) => form.length <= longestPattern).map(wholeWord);
  return words.length === 0 ? whole : whole.replace(new RegExp(words.join('|'), 'giu'), '***');
}
/** Not inside another word; the letter before it may belong to an escape, as in `\nAnna` and `%20Anna`. */
function wholeWord(form: string): string {
  const begins = /^[\p{L}\p{N}]/u.test(form) ? String.raw`(?:(?<![\p{L}\p{N}])|(?<=\\[bfnrt]|\\u[0-9a-f]{4}|%[0-9a-f]{2}))` : '';
  const ends = /[\p{L}\p{N}]$/u.test(form) && !/\\u[0-9a-f]{4}$|%[0-9A-F]{2}$/.test(form) ? String.raw`(?![\p{L}\p{N}])` : '';
  return `${begins}${form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}${ends}`;
}
function formsOf(pii: Pii, text: string): readonly string[] {
  switch (pii) {
    case 'phone': {
      // After a dial plan the rest may be too short to be recognized as a phone number.
      const digits = text.replace(/\D/g, '');
      return digits.length > 9 ? [digits.slice(-9), digits.slice(-7)] : [];
    }
    case 'name':
      return [text, ...text.split(/\s+/)].flatMap(written);
    case 'text':
      // A text that was cut off still has whole sentences, and an adapter has scrubbed a provider's answer before.
      return [text, ...text.split(/\n|(?<=[.!?…])\s/)].flatMap((part) => [...written(part), ...written(scrub(part))]);
    case 'audio':
      return [];
  }
}
/** A text as it is, in JSON, in ASCII's JSON as PHP writes it, in JSON in JSON, and in a URL. */
function written(text: string): readonly string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const ascii = json.replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const again = [json, ascii].map((form) => JSON.stringify(form).slice(1, -1));
  return [text, json, ascii, ...again, encodeURIComponent(text.toWellFormed()), new URLSearchParams([['', text]]).toString().slice(1)];
}
