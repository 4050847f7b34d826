import { expect, test } from '@jest/globals';
import { isBehind, isWhole } from './gathering.ts';

test.each([
  ['Здравствуйте!', true],
  ['Хочу', false],
  ['на стрижку', false],
  ['Хочу на стрижку завтра', true],
  ['Ок 👍', true],
  ['Сколько?', true],
  ['', false],
])('«%s» is a whole sentence: %s', (text, expected) => expect(isWhole(text)).toBe(expected));

const now = Date.parse('2026-11-30T12:00:10Z');
const message = (messageId: string, sentAt = '2026-11-30T12:00:09Z', isOfCustomer = true) => ({ messageId, sentAt, isOfCustomer });
test.each([
  ['a later message of the customer', [message('msg_1'), message('msg_2')], 'msg_1', true],
  ['nothing later', [message('msg_1'), message('msg_2')], 'msg_2', false],
  ['a later message of the staff', [message('msg_1'), message('msg_2', undefined, false)], 'msg_1', false],
  ['a later message of long ago, whose event would have come', [message('msg_2', '2026-11-30T12:00:04Z')], 'msg_1', false],
  ['no message to answer', [message('msg_1')], null, false],
])('with %s a turn waits for its input: %s', (_, messages, last, expected) => expect(isBehind(messages, last, now)).toBe(expected));
