import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { dialog } from '../../contracts/dialog.ts';
import { inbox } from '../../contracts/inbox.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { noMemory } from './rows/sessions.ts';
import orchestrator from './service.ts';

let here: World;
const viewer = { personId: 'anna', role: 'manager' } as const;
type Look = { readonly viewer?: { personId: string; role: 'manager' | 'director' } };
const sessions = ['chat_own', 'chat_free', 'chat_other'] as const;
beforeAll(async () => {
  here = await world();
  await here.start('dialog-orchestrator', orchestrator);
  for (const chatId of [...sessions, null])
    await here.store.query(
      `insert into dialog_orchestrator.sessions (session_id, external_id, chat_id, channel, state, language, name, memory, started_at, active_at)
       values ($1, $1, $2, 'telegram', 'GREETING', 'ru', $3, $4, now(), now())`,
      [chatId ?? 'caller', chatId, `Канарейка ${chatId}`, JSON.stringify(noMemory)],
    );
  for (const [chatId, personId] of [
    ['chat_own', 'anna'],
    ['chat_other', 'boris'],
  ])
    await here.store.query('insert into journal.events (event, key, payload) values ($1, $2, $3)', [
      inbox.chat_assigned.address,
      chatId,
      JSON.stringify({ chatId, personId, who: null, at: new Date().toISOString() }),
    ]);
  await until(async () => ((await here.store.query('select from dialog_orchestrator.assigned_chats')).length === 2 ? true : null));
});
afterAll(() => here.stop());

test('a list of conversations has those of one’s own chats, of nobody’s and of callers', async () => {
  const shown = async (look: Look) => (await here.bus.call(dialog.list_sessions, look)).items.map(({ sessionId }) => sessionId).sort();
  expect(await shown({ viewer })).toEqual(['caller', 'chat_free', 'chat_own']);
  expect(await shown({ viewer: { personId: 'anna', role: 'director' } })).toEqual(['caller', 'chat_free', 'chat_other', 'chat_own']);
  expect(await shown({})).toEqual(['caller', 'chat_free', 'chat_other', 'chat_own']);
});

const calls: Readonly<Record<string, (sessionId: string, look: Look) => Promise<unknown>>> = {
  get_session: (sessionId, look) => here.bus.call(dialog.get_session, { sessionId, ...look }),
  set_mode: (sessionId, look) => here.bus.call(dialog.set_mode, { sessionId, mode: 'draft', ...look }),
  end_session: (sessionId, look) => here.bus.call(dialog.end_session, { sessionId, ...look }),
};
test.each(Object.keys(calls))('%s does not know the conversation of another’s chat', async (name) => {
  await expect(calls[name]?.('chat_other', { viewer })).rejects.toMatchObject({ code: 'not_found' });
  for (const sessionId of ['chat_own', 'chat_free', 'caller']) await calls[name]?.(sessionId, { viewer });
  await calls[name]?.('chat_other', {});
});
