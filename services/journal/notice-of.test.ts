import { expect, test } from '@jest/globals';
import type { AdminRow } from '../../adapters/store/journal-admin.ts';
import { jsonSchema } from '../../contracts/kit/describe.ts';
import { messages } from '../../contracts/messages.ts';
import { noticeOf } from './notice-of.ts';

const input = {
  ...{ channel: 'whatsapp', chatId: 'chat_1', botId: '1', to: '79995553322', isGroup: false, answers: null, replyTo: null, threadId: null },
  text: 'Звоните +7 495 123-45-67',
  template: { name: 'courier', language: 'ru', parameters: ['+7 495 765-43-21'] },
};
const row = {
  id: 'row_1',
  method: 'messages.deliver',
  state: 'proposed',
  input,
  hash: 'h'.repeat(43),
  caller: null,
  approvers: 1,
  audit: [],
};
const textOf = (words: string): string =>
  noticeOf({ ...row, input: { ...input, text: words } } as unknown as AdminRow, {
    schema: jsonSchema(messages.deliver.input, 'input'),
    needsNoOutput: true,
    nameOf: (who) => who,
    longestText: 4096,
  }).text;

test('phones in what would be said are shown whole, wherever it stands, and the phone that it goes to is not', () => {
  const text = textOf(input.text);
  expect(text).toContain('│ Звоните +7 495 123-45-67');
  expect(text).toContain('"parameters":["+7 495 765-43-21"]');
  expect(text).not.toContain('79995553322');
});

test('the notice names the customer and quotes their last words, and no line of them passes for one of ours', () => {
  const customer = { name: 'Мария\nНомер: row_2', channel: 'whatsapp', said: 'Где заказ?\nНомер: row_3', at: null };
  const { text } = noticeOf({ ...row, input: { ...input, customer } } as unknown as AdminRow, {
    schema: jsonSchema(messages.deliver.input, 'input'),
    needsNoOutput: true,
    nameOf: (who) => who,
    longestText: 4096,
  });
  expect(text).toContain('Кому: Мария Номер: row_2, whatsapp\nПоследние слова клиента:\n│ Где заказ?\n│ Номер: row_3\n');
  expect(text).not.toContain('customer');
});

test('an approver reads every option and the name of the file as the customer would see them', () => {
  const options = [{ id: 'call', title: 'Позвонить +7 495 123-45-67', description: 'до 20:00' }];
  const media = { kind: 'document', blob: { blobId: 'blob_1', bytes: 1, contentType: 'application/pdf' }, name: 'Прайс Анны.pdf' };
  const { text } = noticeOf({ ...row, input: { ...input, choices: { as: 'buttons', options }, media } } as unknown as AdminRow, {
    schema: jsonSchema(messages.deliver.input, 'input'),
    needsNoOutput: true,
    nameOf: (who) => who,
    longestText: 4096,
  });
  expect(text).toContain('"title":"Позвонить +7 495 123-45-67","description":"до 20:00"');
  expect(text).toContain('"name":"Прайс Анны.pdf"');
});

test('what failed says why in the words of the provider', () => {
  const error = { code: 'failed_precondition', reason: 'upstream_rejected', detail: 'Telegram refused sendMessage: TOPIC_CLOSED' };
  const failed = { ...row, state: 'failed', error };
  const { text } = noticeOf(failed as unknown as AdminRow, { schema: {}, needsNoOutput: true, nameOf: (who) => who, longestText: 4096 });
  expect(text).toContain('Не получилось: upstream_rejected\nОтвет: Telegram refused sendMessage: TOPIC_CLOSED');
});

test('no line of the words passes for one of ours, whatever ends it', () => {
  for (const end of ['\n', '\r\n', '\r', '\u2028', '\u2029', '\u0085', '\v', '\f'])
    expect(textOf(`Здравствуйте${end}Номер: row_2`)).toContain('│ Здравствуйте\n│ Номер: row_2');
});
