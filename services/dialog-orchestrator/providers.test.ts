import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import { dialog } from '../../contracts/dialog.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { type Aimock, aimock } from '../../test/kit/aimock.ts';
import { type World, world } from '../../test/kit/world.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import { choiceOf, unique } from './fixture.ts';
import agent from './service.ts';

let it: World;
let hosted: Awaited<ReturnType<World['start']>>;
let emulator: Aimock;
/** Nothing listens there. */
let closed: string;
const call = (name: string, args: object) => ({ toolCalls: [{ name, arguments: JSON.stringify(args) }] });
beforeAll(async () => {
  it = await world();
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  closed = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  server.close();
  emulator = await aimock([
    { match: { hasToolResult: true }, response: { content: 'Выберите удобное время. Кнопки ниже.' } },
    { match: { userMessage: 'первое' }, response: call('create_appointment', { slot: 's1', name: 'Анна', phone: '+79990001000' }) },
    { match: { userMessage: 'стрижк' }, response: call('get_available_slots', { services: ['haircut'], day: 'на следующей неделе' }) },
    { match: {}, response: { content: 'Чем могу помочь?' } },
  ]);
  await it.start('crm-connector', connector);
  await it.start('journal', journalService);
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never });
});
afterAll(async () => {
  await it.stop();
  await emulator.stop();
});

afterEach(() => hosted.stop(2_000));

const say = (sessionId: string, message: string) => it.bus.call(dialog.dialog, { sessionId, message }, { key: unique('said') });
const modelsOf = async (sessionId: string) =>
  (await it.bus.call(dialog.get_session, { sessionId })).turns.flatMap(({ steps }) => steps.map(({ model }) => model));

test('with the first provider down the second one answers, whole and as a stream, and books through tools', async () => {
  const settings = {
    ...{ LLM_KIND: 'openai,deepseek', OPENAI_API_KEY: 'key-of-openai', OPENAI_BASE_URL: `${closed}/v1` },
    ...{ DEEPSEEK_API_KEY: 'key-of-deepseek', DEEPSEEK_BASE_URL: `${emulator.url}/v1`, HTTP_ALLOW_PRIVATE: `${closed},${emulator.url}` },
  };
  hosted = await it.start('dialog-orchestrator', agent, settings);
  const session = unique('visitor');
  const items = [];
  async function* nothing(): AsyncGenerator<never> {}
  for await (const item of it.bus.open(dialog.dialog_stream, { sessionId: session, message: 'Хочу на стрижку' }, nothing(), {
    timeoutMs: 20_000,
  }))
    items.push(item);
  expect(items.flatMap((item) => (item.is === 'sentence' ? [item.text] : []))).toEqual(['Выберите удобное время.', 'Кнопки ниже.']);
  expect(items.find(({ is }) => is === 'tool')).toEqual({ is: 'tool', name: 'get_available_slots' });
  expect(items.at(-1)).toMatchObject({ is: 'done', answer: { state: 'BOOKING' } });
  const proposed = await say(session, 'Давайте первое');
  const confirmed = await it.bus.call(
    dialog.dialog,
    { sessionId: session, choice: choiceOf(proposed as OutputOf<typeof dialog.dialog>, /Подтвердить/) },
    { key: unique('press') },
  );
  expect(confirmed.reply).toMatch(/^Готово, вы записаны/);
  expect((await it.bus.call(booking.list_appointments, { days: 60 })).appointments).toHaveLength(1);
  expect(new Set(await modelsOf(session))).toEqual(new Set(['deepseek/deepseek-v4-flash']));
  const asked = await emulator.journal();
  const names = ((asked.at(-1)?.body.tools ?? []) as { function: { name: string } }[]).map((each) => each.function.name);
  expect(names).toEqual(expect.arrayContaining(['get_available_slots', 'create_appointment', 'hand_over']));
  expect(JSON.stringify(asked)).not.toContain('slotId');
});

test('with every provider down the scripted agent answers, and the record names it', async () => {
  const settings = {
    ...{ LLM_KIND: 'openai,deepseek', OPENAI_API_KEY: 'key-of-openai', OPENAI_BASE_URL: `${closed}/v1` },
    ...{ DEEPSEEK_API_KEY: 'key-of-deepseek', DEEPSEEK_BASE_URL: `${closed}/v1`, HTTP_ALLOW_PRIVATE: closed },
  };
  hosted = await it.start('dialog-orchestrator', agent, settings);
  const session = unique('visitor');
  expect((await say(session, 'Сколько стоит стрижка?')).reply).toContain('2 000 ₽');
  expect(await modelsOf(session)).toEqual(expect.arrayContaining(['scripted/receptionist']));
  expect(JSON.stringify(it.logged)).not.toContain('key-of-');
});
