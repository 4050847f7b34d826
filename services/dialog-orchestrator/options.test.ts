import { expect, test } from '@jest/globals';
import { proposalOptions } from './options.ts';

test('the button that declines a cancellation cannot be read as the one that cancels', () => {
  const titles = (what: 'create' | 'move' | 'cancel', language: 'ru' | 'en') =>
    proposalOptions({ proposalId: 'p', hash: 'h', what }, language).map(({ title }) => title);
  expect(titles('create', 'ru')).toEqual(['Подтвердить', 'Отменить']);
  for (const language of ['ru', 'en'] as const) expect(titles('cancel', language).join()).not.toMatch(/(?<!не )отменить|cancel/i);
});
