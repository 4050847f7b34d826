import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

/** Several bots, since one sends 30 messages a second. */
const tokens = Array.from({ length: 12 }, (_, n) => `${7001 + n}:AAAA-test`);
let here: World;
let it: Fixture;
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService }, { tokens });
});
afterAll(async () => {
  await here.stop();
  await it.close();
});

/** One draft a chat, each with a text of its own. */
async function drafts(count: number, name: string) {
  const chats = await it.allSay(count);
  return Promise.all(
    chats.map(async ({ chatId }, n) => {
      const text = `${name} ${n}`;
      return { text, id: (await it.send(chatId, text)).id };
    }),
  );
}
const sent = (name: string) =>
  it.telegram.sent
    .map(({ text }) => text)
    .filter((text) => text.startsWith(name))
    .sort();
const isOver = async (id: string) => ['done', 'failed', 'review', 'cancelled', 'rejected', 'stale'].includes((await it.row(id)).state);

test('50 drafts that 10 people approve at once are 50 messages, each approved by one', async () => {
  const all = await drafts(50, 'толпа');
  const decided: PromiseSettledResult<unknown>[][] = [];
  // As many drafts at a time as one instance of the journal answers without asking to come again.
  for (let from = 0; from < all.length; from += 10)
    decided.push(
      ...(await Promise.all(
        all
          .slice(from, from + 10)
          .map(({ id }) =>
            Promise.allSettled(Array.from({ length: 10 }, (_, n) => here.bus.call(journal.approve, { id, onBehalfOf: `manager${n}` }))),
          ),
      )),
    );
  for (const of of decided) {
    expect(of.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of of) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict', reason: 'decided' });
  }
  await it.when(async () => sent('толпа').length >= 50);
  await it.when(async () => (await Promise.all(all.map(({ id }) => isOver(id)))).every(Boolean));
  expect(sent('толпа')).toEqual(all.map(({ text }) => text).sort());
  for (const { id } of all.slice(0, 10)) expect((await it.row(id)).audit.filter(({ did }) => did.startsWith('approved'))).toHaveLength(1);
});

test('whichever sender is killed when, nothing goes out unapproved, and nothing twice', async () => {
  const all = await drafts(60, 'гибель');
  const [approved, rejected, silent] = [all.slice(0, 36), all.slice(36, 48), all.slice(48)];
  const stopping = new AbortController();
  /** One sender after another is stopped in the midst of its work; what its attempts do then is not waited for. */
  const killing = (async () => {
    let alive = it.first;
    while (!stopping.signal.aborted) {
      const next = await it.startSender();
      await new Promise((resolve) => setTimeout(resolve, randomInt(5, 60)));
      await alive.stop(0);
      alive = next;
    }
  })();
  await Promise.all([
    ...approved.map(async ({ id }) => {
      await new Promise((resolve) => setTimeout(resolve, randomInt(0, 1_500)));
      await it.approve(id);
    }),
    ...rejected.map(({ id }) => here.bus.call(journal.reject, { id, why: 'no' })),
  ]);
  await it.when(async () => (await Promise.all([...approved, ...rejected].map(({ id }) => isOver(id)))).every(Boolean));
  stopping.abort();
  await killing;
  const went = sent('гибель');
  expect(new Set(went).size).toBe(went.length);
  const mayGo = new Set(approved.map(({ text }) => text));
  expect(went.filter((text) => !mayGo.has(text))).toEqual([]);
  for (const { id, text } of approved) {
    const { state } = await it.row(id);
    // Where nobody can tell, a person is asked; nowhere else may it be open.
    if (state !== 'review') expect([text, went.includes(text)]).toEqual([text, state === 'done']);
  }
  for (const { id } of silent) expect((await it.row(id)).state).toBe('proposed');
});

test('nobody but the sender may deliver, whatever the input says of an approval', async () => {
  expect(messages.deliver).toMatchObject({ roles: ['sender'], approval: 'staff', reaches: 'customer' });
  const [{ id } = { id: '' }] = await drafts(1, 'обход');
  const { input } = await it.row(id);
  // Even by the bus user who may call anything here, it is only proposed.
  await expect(here.bus.call(messages.deliver, input as never, { key: 'bypass' })).rejects.toMatchObject({ reason: 'pending' });
  expect(sent('обход')).toEqual([]);
});
