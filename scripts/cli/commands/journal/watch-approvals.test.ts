import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../../../bus/service.ts';
import { journal } from '../../../../contracts/journal.ts';
import { contract, method, review } from '../../../../contracts/kit/define.ts';
import journalService from '../../../../services/journal/service.ts';
import { until, type World, world } from '../../../../test/kit/world.ts';
import { type Ask, here } from './ask.ts';
import { desk, drawDraft } from './watch-approvals.ts';

const post = contract('post', '1.0.0', {
  mail: method({
    summary: 'An effect that needs approval.',
    input: z.strictObject({ text: z.string().max(100) }),
    output: z.object({}),
    idempotency: 'keyed',
    approval: 'staff',
    editable: ['text'],
  }),
});
let it: World;
const mailed: string[] = [];
beforeAll(async () => {
  it = await world();
  const mail = {
    attempt: async ({ text }: { readonly text: string }) => {
      mailed.push(text);
      return {};
    },
    onUnknown: review,
  };
  await it.start('journal', journalService);
  await it.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async () => ({ post: { mail } })),
  );
});
afterAll(() => it.stop());

/** Somebody at a terminal who does as told; `seen` is what they were shown and told, by lines. */
function somebody(answers: () => Promise<string>) {
  const seen: string[] = [];
  const out = {
    item: async (_: unknown, line?: () => string) => void seen.push(line?.() ?? ''),
    note: (text: string) => void seen.push(text),
    paint: (_: unknown, text: string) => text,
    time: () => 'now',
  };
  const ask = ((name: 'get', input: { readonly id: string }) => it.bus.call(journal[name], input)) as Ask;
  const { signal } = new AbortController();
  return { seen, look: desk({ ask, wanted: {}, out, question: answers, signal }) };
}
async function draft(text: string): Promise<string> {
  const waits = await it.bus.call(post.mail, { text }, { key: text }).catch((error: unknown) => error);
  return (waits as { readonly data: { readonly rowId: string } }).data.rowId;
}

test('a draft that was edited while its question stood does not go out as it was: it is shown and asked about anew', async () => {
  const id = await draft('Скидка 50 %');
  let asked = 0;
  const { seen, look } = somebody(async () => {
    asked += 1;
    const { hash } = await it.bus.call(journal.get, { id });
    if (asked === 1) await it.bus.call(journal.edit, { id, hash, input: { text: 'Скидка 5 %' }, ...here() });
    return 'a';
  });
  expect(await look()).toBe('next');
  expect(seen).toEqual([expect.stringContaining('Скидка 50 %'), expect.stringContaining('has been edited')]);
  await look();
  await until(() => mailed[0]);
  expect(seen.slice(2)).toEqual([expect.stringContaining('Скидка 5 %'), expect.stringContaining('approved')]);
  expect([asked, mailed]).toEqual([2, ['Скидка 5 %']]);
});

test('what is skipped is left to others and not asked about again, and q ends before the next', async () => {
  const ids = [await draft('раз'), await draft('два'), await draft('три')];
  const answers = ['s', 'q'];
  const { seen, look } = somebody(async () => answers.shift() ?? 'a');
  expect(await look()).toBe('quit');
  expect(seen.filter((line) => line.startsWith('row_'))).toEqual([expect.stringContaining('раз'), expect.stringContaining('два')]);
  for (const id of ids) expect(await it.bus.call(journal.get, { id })).toMatchObject({ state: 'proposed', heldBy: null });
});

const out = { paint: (_: unknown, text: string) => text, time: () => 'now' };
const shown = (text: string) => ({
  ...{ id: 'row_1', method: 'messages.deliver', createdAt: '2026-01-31T10:00:00.000Z' },
  input: { channel: 'telegram', chatId: 'chat_1', text },
});

test('a draft is shown to who decides as it is: it neither clears the screen nor turns round nor poses as the command line', () => {
  const hostile = 'Скидка 5 %\u001b[1A\u001b[2K\u202e% 05\n✓ approved row_1';
  expect(drawDraft(shown(hostile), out)).toBe(
    'row_1  messages.deliver  now\n  telegram chat_1\n  «Скидка 5 %\\u001b[1A\\u001b[2K\\u202e% 05\n  ✓ approved row_1»',
  );
});
