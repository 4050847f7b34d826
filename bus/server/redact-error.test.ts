import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { PersonName, PersonText, Phone } from '../../contracts/common.ts';
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { redactError } from './redact-error.ts';

const Input = z.strictObject({
  firstName: PersonName,
  lastName: PersonName,
  phoneNumber: Phone,
  comment: PersonText,
  source: z.string().max(50),
});
const input = {
  firstName: 'Анна',
  lastName: 'Канарейкина',
  phoneNumber: '+79995553322',
  comment: 'Позвоните "сегодня" в 5',
  source: 'website',
};
const canary = /Анна|Канарейкина|сегодня|999|555|canary/i;
/** All that an error holds. */
const textOf = (thrown: unknown): string => {
  if (!Error.isError(thrown)) return String(thrown);
  const { message, stack, cause, data, evidence } = thrown as PolybError;
  return [message, stack, JSON.stringify({ data, evidence }), cause === undefined ? '' : textOf(cause)].join('\n');
};

test('phones, credentials and personal data of the input are removed from message, stack, data, evidence and causes', () => {
  const cause = new Error('Канарейкина of +7 999 555-33-22', { cause: new Error('Bearer canary-1234', { cause: 'АННА' }) });
  const evidence = { request: 'POST crm/Contact', status: 500, lastBytes: '{"name":"Анна Канарейкина","phone":"995553322"}' };
  const thrown = new PolybError('conflict', 'Анна, +79995553322, is there', {
    reason: 'taken',
    data: { who: ['Канарейкина'], n: 1 },
    retryAfterMs: 5,
    outcome: 'unknown',
    evidence,
    cause,
  });
  const told = redactError(thrown, Input, input);
  expect(textOf(told)).not.toMatch(canary);
  expect(isPolybError(told)).toBe(true);
  expect(told).toMatchObject({
    code: 'conflict',
    reason: 'taken',
    message: '***, ***3322, is there',
    retryAfterMs: 5,
    outcome: 'unknown',
    data: { who: ['***'], n: 1 },
    evidence: { status: 500, lastBytes: '{"name":"*** ***","phone":"***"}' },
    stack: expect.stringContaining('redact-error.test.ts'),
  });
});

test.each([
  'Анна',
  'АННА',
  JSON.stringify({ name: 'Анна' }),
  '\\u0410\\u043d\\u043d\\u0430',
  '{\\"comment\\":\\"\\\\u041f\\\\u043e\\\\u0437\\\\u0432\\\\u043e\\\\u043d\\\\u0438\\\\u0442\\\\u0435 \\\\\\"\\\\u0441\\\\u0435\\\\u0433\\\\u043e\\\\u0434\\\\u043d\\\\u044f\\\\\\" \\\\u0432 5\\"}',
  '?name=%D0%90%D0%BD%D0%BD%D0%B0',
  '{"text":"hello\\nАнна"}',
  '%22%D0%90%D0%BD%D0%BD%D0%B0%22',
  'Позвоните "сегодня" в 5',
  JSON.stringify({ comment: 'Позвоните "сегодня" в 5' }),
  '?comment=%D0%9F%D0%BE%D0%B7%D0%B2%D0%BE%D0%BD%D0%B8%D1%82%D0%B5+%22%D1%81%D0%B5%D0%B3%D0%BE%D0%B4%D0%BD%D1%8F%22+%D0%B2+5',
])('what is personal is found as %s', (form) => {
  const left = (redactError(new Error(`refused: ${form}.`), Input, input) as Error).message;
  expect(left).toContain('***');
  expect(left).not.toMatch(/Анна|043d|043D|Позвоните|сегодня|%D0%BD/i);
});

test('sentences of a long text are removed even if a provider cut it off or it was scrubbed before', () => {
  const comment = 'Здравствуйте! Меня зовут Пётр.\nМой номер 8 999 555-33-22, жду звонка. Спасибо';
  const lastBytes = 'вствуйте! Меня зовут Пётр.\\nМой номер ***3322, жду звонка. Спасибо"}';
  const thrown = new PolybError('upstream_failed', 'failed', { evidence: { lastBytes } });
  expect((redactError(thrown, Input, { ...input, comment }) as PolybError).evidence).toEqual({ lastBytes: 'вствуйте! ***\\n*** ***"}' });
});

test('an error of another class keeps its name, code and stack position', () => {
  const thrown = Object.assign(new TypeError('no Анна'), { code: '23505', detail: 'canary' });
  expect(redactError(thrown, Input, input)).toMatchObject({
    name: 'TypeError',
    code: '23505',
    message: 'no ***',
    stack: expect.stringContaining('TypeError: no ***'),
  });
  expect(redactError(thrown, Input, input)).not.toHaveProperty('detail');
});

test('an error with nothing to hide is returned as the same object, and words that contain a name stay', () => {
  const plain = new PolybError('not_found', 'No lead from the website of Аннабель.', {
    data: { rowId: 'row_0mhd2k4a1' },
    cause: new Error('x'),
  });
  expect(redactError(plain, Input, input)).toBe(plain);
  expect(redactError(plain)).toBe(plain);
  expect(redactError(undefined, Input, input)).toBeUndefined();
});

test('an instant in the data of an error stays, also if a word of a name occurs in it', () => {
  const named = { ...input, lastName: 'Клиент 11' };
  const data = { slots: ['2026-11-30T10:00:00+03:00', '2026-11-30T07:00Z'], of: 'Клиент 11', note: 'free at 2026-11-30' };
  const told = redactError(new PolybError('conflict', 'taken', { data }), Input, named) as PolybError;
  expect(told.data).toEqual({ slots: data.slots, of: '***', note: 'free at 2026-***-30' });
});

test('an input that fits no schema, and one with many long texts, are removed as far as the limits allow', () => {
  expect(redactError('call +79995553322', Input, 'not an object')).toBe('call ***3322');
  const Many = z.strictObject({ texts: z.array(PersonText).max(200) });
  const texts = Array.from({ length: 200 }, (_, nth) => `text ${nth} ${'x'.repeat(4_000)}`);
  expect(redactError(new Error(`failed at ${texts[0]}`), Many, { texts })).toMatchObject({ message: 'failed at ***' });
});

test('an input of the maximum searched length is removed within seconds, whole or a sentence of it', () => {
  const said = `${Array.from({ length: 700 }, (_, nth) => `Слово ${nth}.`).join(' ')}${' Привет'.repeat(300)}`;
  const before = process.cpuUsage();
  for (const text of [said, 'Слово 699.'])
    expect(redactError(new Error(`refused: ${text}`), z.strictObject({ said: PersonText.max(10_000) }), { said })).toMatchObject({
      message: 'refused: ***',
    });
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(5);
});
