import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { Id, Phone } from '../../contracts/common.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import journalService from './service.ts';

const post = contract('post', '1.0.0', {
  mail: method({
    summary: 'x',
    input: z.strictObject({ to: Phone, text: z.string().max(100) }),
    output: z.object({ mailId: Id }),
    idempotency: 'keyed',
    approval: 'staff',
    editable: ['text'],
    reaches: 'customer',
  }),
  ring: method({ summary: 'x', input: z.strictObject({ to: Phone }), output: z.object({ legId: Id }), idempotency: 'keyed' }),
});
let it: World;
let mailed: string[];
let rings: number;
beforeEach(async () => {
  it = await world();
  mailed = [];
  rings = 0;
  await it.start('journal', journalService);
  await it.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async () => ({
      post: {
        mail: { attempt: async ({ text }) => ({ mailId: `m${mailed.push(text)}` }), onUnknown: review },
        ring: {
          attempt: async () => {
            rings += 1;
            if (rings === 1)
              throw new PolybError('upstream_failed', 'cut', { evidence: { request: 'POST gateway/call', lastBytes: 'HTTP/1.1 5' } });
            return { legId: `leg${rings}` };
          },
          onUnknown: review,
        },
      },
    })),
  );
});
afterEach(() => it.stop());

const phone = '+79995553322';
const propose = async (key: string, text: string): Promise<string> => {
  const refused = await it.bus.call(post.mail, { to: phone, text }, { key }).catch((error: PolybError) => error);
  return ((refused as PolybError).data as { rowId: string }).rowId;
};
const ring = (key = 'k') => it.bus.call(post.ring, { to: phone }, { key });
const get = (id: string, reveal = false) => it.bus.call(journal.get, { id, reveal });

test('a row is shown masked, and whole only with an entry in its audit', async () => {
  const id = await propose('k', 'hello');
  expect(JSON.stringify(await get(id))).not.toContain(phone);
  const revealed = await get(id, true);
  expect(revealed.input).toEqual({ to: phone, text: 'hello' });
  expect(revealed.audit).toMatchObject([{ who: 'operator', did: 'revealed' }]);
});

test('a key, a reason and an error are shown without phones, and the key whole when the row is revealed', async () => {
  const id = await propose(`lead 8 (999) 555-33-22`, 'hello');
  await it.bus.call(journal.reject, { id, why: 'call +79995553322 instead' });
  await it.store.query('update journal.rows set error = $2 where id = $1', [id, { code: 'conflict', detail: 'no route to 89995553322' }]);
  const shown = await get(id);
  expect(shown).toMatchObject({ key: 'lead ***3322', error: 'no route to ***3322', audit: [{ why: 'call ***3322 instead' }] });
  const { items } = await it.bus.call(journal.list, {});
  expect(items).toMatchObject([{ key: 'lead ***3322', error: 'no route to ***3322' }]);
  expect(await get(id, true)).toMatchObject({ key: 'lead 8 (999) 555-33-22' });
});

test('of twenty approvals at once one wins, and it is sent once', async () => {
  const id = await propose('k', 'hello');
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => it.bus.call(journal.approve, { id })));
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(all.find((one) => one.status === 'rejected')).toMatchObject({ reason: { code: 'conflict', reason: 'decided' } });
  await until(async () => ((await get(id)).state === 'done' ? true : null));
  expect(mailed).toEqual(['hello']);
});

test('an approval of a text that was edited since is refused, one of the new text sends the new text', async () => {
  const id = await propose('k', 'old');
  const { hash } = await get(id);
  await it.bus.call(journal.edit, { id, hash, input: { to: phone, text: 'new' } });
  await expect(it.bus.call(journal.approve, { id, hash })).rejects.toMatchObject({ code: 'failed_precondition', reason: 'hash_mismatch' });
  await it.bus.call(journal.approve, { id, hash: (await get(id)).hash });
  await until(() => mailed[0]);
  expect(mailed).toEqual(['new']);
});

test('an edit that does not fit the method is refused and changes nothing', async () => {
  const id = await propose('k', 'old');
  const { hash } = await get(id);
  await expect(it.bus.call(journal.edit, { id, hash, input: { text: 7 } })).rejects.toMatchObject({ code: 'invalid_argument' });
  expect((await get(id)).hash).toBe(hash);
});

test('an edit changes nothing but the fields that the method calls editable, and what it leaves out stays', async () => {
  const id = await propose('k', 'old');
  const { hash } = await get(id);
  const edit = (input: unknown) => it.bus.call(journal.edit, { id, hash, input });
  const barred = { code: 'invalid_argument', reason: 'not_editable', message: expect.stringContaining('only text may be edited') };
  await expect(edit({ to: '+79990000001', text: 'new' })).rejects.toMatchObject(barred);
  await expect(edit({ to: null, text: 'new' })).rejects.toMatchObject(barred);
  await expect(edit({ text: 'new', also: 'x' })).rejects.toMatchObject(barred);
  expect((await get(id)).hash).toBe(hash);
  await edit({ text: 'new' });
  expect(await it.bus.call(journal.get, { id, reveal: true })).toMatchObject({ input: { to: phone, text: 'new' } });
});

test('a review tells what was seen, and goes on as the person says', async () => {
  await ring().catch(() => {});
  const [row] = (await it.bus.call(journal.list, { view: 'reviews' })).items;
  expect(await get(row?.id ?? '')).toMatchObject({
    state: 'review',
    onUnknown: 'review',
    log: [{ code: 'upstream_failed', evidence: { lastBytes: 'HTTP/1.1 5' } }],
  });
  await it.bus.call(journal.resolve, { id: row?.id ?? '', answer: 'try_again', why: 'the phone did not ring' });
  expect(await ring()).toEqual({ legId: 'leg2' });
});

test('a review answered with what happened gives that to whoever asks with the key', async () => {
  await ring().catch(() => {});
  const [row] = (await it.bus.call(journal.list, { view: 'reviews' })).items;
  await expect(it.bus.call(journal.resolve, { id: row?.id ?? '', answer: 'happened', output: { wrong: 1 } })).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  await it.bus.call(journal.resolve, { id: row?.id ?? '', answer: 'happened', output: { legId: 'seen' } });
  expect([await ring(), rings]).toEqual([{ legId: 'seen' }, 1]);
});

test('a paused method is refused until it is resumed', async () => {
  rings = 1;
  expect(await it.bus.call(journal.pause, { method: 'post.*' })).toEqual({ paused: ['post.*'] });
  await expect(it.bus.call(post.ring, { to: phone }, { key: 'k', timeoutMs: 300 })).rejects.toMatchObject({
    code: 'unavailable',
    reason: 'paused',
  });
  await it.bus.call(journal.resume, {});
  expect(await ring()).toEqual({ legId: 'leg2' });
});

test('pages of a list hold each row once, youngest first', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.unshift(await propose(`k${n}`, 'x'));
  const seen: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await it.bus.call(journal.list, { view: 'approvals', limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items.map(({ id }) => id));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  expect(seen).toEqual(ids);
});

test('a watched row is told again whenever it changes, and no more when it has ended', async () => {
  const id = await propose('k', 'hello');
  const states: string[] = [];
  for await (const row of it.bus.open(journal.watch, { id }, (async function* () {})(), { timeoutMs: 10_000 })) {
    states.push(row.state);
    if (row.state === 'proposed') await it.bus.call(journal.reject, { id, why: 'no' });
  }
  expect(states).toEqual(['proposed', 'rejected']);
});

test('an id that fits two rows and one that fits none are told apart', async () => {
  await propose('a', 'x');
  await propose('b', 'x');
  await expect(get('row_0m')).rejects.toMatchObject({ code: 'invalid_argument', reason: 'ambiguous' });
  await expect(get('row_zzzzzz')).rejects.toMatchObject({ code: 'not_found' });
});
