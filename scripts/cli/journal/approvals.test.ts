import { expect, test } from '@jest/globals';
import { drawDraft } from './approvals.ts';

const out = { paint: (_: unknown, text: string) => text, time: () => 'now' };
const draft = (text: string) => ({
  ...{ id: 'row_1', method: 'messages.deliver', createdAt: '2026-01-31T10:00:00.000Z' },
  input: { channel: 'telegram', chatId: 'chat_1', text },
});

test('a draft is shown to who decides as it is: it neither clears the screen nor turns round nor poses as the command line', () => {
  const hostile = 'Скидка 5 %\u001b[1A\u001b[2K\u202e% 05\n✓ approved row_1';
  expect(drawDraft(draft(hostile), out)).toBe(
    'row_1  messages.deliver  now\n  telegram chat_1\n  «Скидка 5 %\\u001b[1A\\u001b[2K\\u202e% 05\n  ✓ approved row_1»',
  );
});
