import { LLMock } from '@copilotkit/aimock';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Commit, type HandlersOf, on, service } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import type { OutputOf, PayloadOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { askAgain } from './ask-again.loop.ts';
import { ownLines, readModel } from './model-file.ts';
import { unanswered } from './rows.ts';
import classifier from './service.ts';

type Message = OutputOf<typeof inbox.get_message>;
const local = await readModel();
const unsure = (await ownLines('test')).find(({ text }) => !local(text).isCertain)?.text ?? '';
let it: World;
let commit: Commit;
const messages = new Map<string, Message>();
const told: PayloadOf<typeof intents.message_classified>[] = [];
let emulator: LLMock;
let served: Awaited<ReturnType<World['start']>>;

/** An inbox that knows only the messages of this test. */
const fakeInbox = service({ serves: { inbox }, uses: [intents.message_classified], settings: z.object({}) }).start(async ({ bus }) => {
  commit = bus.commit;
  const names = Object.values(inbox).flatMap(({ kind, name }) => (kind === 'method' ? [name] : []));
  const get = async ({ messageId }: { messageId: string }) => {
    const message = messages.get(messageId);
    if (message === undefined) throw new PolybError('not_found', 'no such message');
    return message;
  };
  return {
    inbox: Object.fromEntries(names.map((name) => [name, get])) as unknown as HandlersOf<typeof inbox>,
    on: [on(intents.message_classified, async (payload) => void told.push(payload))],
  };
});

beforeAll(async () => {
  emulator = new LLMock({ port: 0 });
  await emulator.start();
  emulator.on({ predicate: () => true }, { content: JSON.stringify({ intent: 'interest', isUrgent: false, howSure: 'sure' }) });
  it = await world();
  await it.start('collector', fakeInbox);
  served = await it.start('intent-classifier', classifier, {
    // The first provider is down.
    LLM_KIND: 'deepseek,openai',
    DEEPSEEK_API_KEY: 'test',
    DEEPSEEK_BASE_URL: 'http://127.0.0.1:1',
    OPENAI_API_KEY: 'test',
    OPENAI_BASE_URL: `${emulator.url}/v1`,
    HTTP_ALLOW_PRIVATE: new URL(emulator.url).origin,
  });
});
afterAll(async () => {
  await it.stop();
  await emulator.stop();
});
afterEach(async () => {
  for (const table of ['message_analysis', 'message_patterns']) await it.store.query(`delete from intent_classifier.${table}`);
  emulator.clearRequests();
  messages.clear();
  told.length = 0;
});

const noon = '2026-05-05T09:00:00.000Z';
let serial = 0;
function store(text: string, more: Partial<Message> = {}): Message {
  serial += 1;
  const message: Message = {
    messageId: `m${serial}`,
    chatId: 'chat_1',
    channel: 'telegram',
    writtenBy: null,
    approvedBy: [],
    botId: '1',
    externalId: String(serial),
    sender: { customerId: 'u1', userId: 'u1', name: 'Клиент', role: 'client', isStaff: false, isBot: false },
    direction: 'in',
    kind: 'text',
    text,
    isCut: false,
    content: [],
    reactions: [],
    delivery: null,
    threadId: null,
    albumId: null,
    replyToExternalId: null,
    isForwarded: false,
    sentAt: noon,
    editedAt: null,
    removedAt: null,
    receivedAt: noon,
    intent: null,
    isCertain: null,
    confidence: null,
    isUrgent: false,
    file: null,
    files: [],
    versions: [],
    answers: null,
    ...more,
  };
  messages.set(message.messageId, message);
  return message;
}
function receive({ messageId, chatId, kind, sender }: Message, isReadable = true): Promise<void> {
  const { userId = null, isStaff = false, isBot = false } = sender ?? {};
  return commit(async (tx) => {
    tx.emit(inbox.message_received, {
      messageId,
      chatId,
      channel: 'telegram',
      senderId: userId,
      isStaff,
      isBot,
      kind,
      command: null,
      isReadable,
      at: noon,
    });
  });
}
/** Those of former tests may still arrive. */
const toldOf = (message: { readonly messageId: string }) => told.filter(({ messageId }) => messageId === message.messageId);
const classified = (messageId: string) => until(() => told.find((one) => one.messageId === messageId));
const classify = ({ messageId }: Message, key = messageId) =>
  it.bus.call(intents.classify_message, { messageId }, { key, timeoutMs: 15_000 });

test('a message that comes in is judged once, and others hear of it', async () => {
  const message = store('сколько стоит букет из 25 роз?');
  await Promise.all([receive(message), receive(message)]);
  const heard = await classified(message.messageId);
  expect(heard).toMatchObject({ chatId: 'chat_1', intent: 'question', isCertain: true, isUrgent: false, stage: 'local' });
  expect(await classify(message)).toMatchObject({ version: 1, intent: 'question' });
  expect(toldOf(message)).toHaveLength(1);
  expect(emulator.getRequests()).toEqual([]);
});

test('a message without words is judged by its content, and one without known content is not judged', async () => {
  const line = '…';
  const order: Message['content'][number] = { type: 'order', line, catalogId: null, items: [], total: null };
  const sticker = { type: 'sticker', line, emoji: '🌹', set: null } as const;
  const photo = { type: 'file', line, kind: 'photo', name: null } as const;
  const unknown = { type: 'unknown', line, of: 'hologram' } as const;
  const judged = async (text: string, ...content: Message['content']) => {
    const { intent, isCertain, isUrgent } = await classify(store(text, { kind: 'other', content }));
    return [intent, isCertain, isUrgent];
  };
  expect(await judged('', order)).toEqual(['order', true, false]);
  expect(await judged('спасибо', order)).toEqual(['order', true, false]);
  expect(await judged('', sticker)).toEqual(['none', true, false]);
  expect(await judged('', photo)).toEqual(['none', false, false]);
  expect(await judged('', photo, sticker)).toEqual(['none', false, false]);
  for (const content of [[], [unknown], [{ type: 'notice', line, of: 'unsupported' } as const]])
    await expect(classify(store('', { kind: 'other', content }))).rejects.toMatchObject({ reason: 'nothing_to_judge' });
  expect(emulator.getRequests()).toEqual([]);
});

test('a message that is not readable is left alone, and its neighbour is judged', async () => {
  const [dark, clear] = [store('', { kind: 'other' }), store('сколько стоит букет из 25 роз?')];
  await receive(dark, false);
  await receive(clear);
  await classified(clear.messageId);
  expect([...toldOf(dark), ...toldOf(clear)].map(({ messageId }) => messageId)).toEqual([clear.messageId]);
  expect(
    await it.store.query(`select 1 from journal.rows where method = 'intents.classify_message' and key = $1`, [dark.messageId]),
  ).toEqual([]);
});

test('a message whose words were edited is judged again by those that it has now', async () => {
  const message = store('сколько стоит букет из 25 роз?');
  await receive(message);
  expect(await classified(message.messageId)).toMatchObject({ intent: 'question' });
  messages.set(message.messageId, { ...message, text: 'ужасное обслуживание, верните деньги' });
  const { messageId, chatId, kind } = message;
  const change = { changeId: 'c1', messageId, chatId, channel: 'telegram', senderId: 'u1', isStaff: false, isBot: false, kind } as const;
  await commit(async (tx) => tx.emit(inbox.message_changed, { ...change, change: 'edited', at: noon }));
  await until(() => toldOf(message).find((one) => one.intent === 'complaint'));
  expect(toldOf(message).map(({ intent }) => intent)).toEqual(['question', 'complaint']);
});

test('a bare assent is a guess that no language model is asked about, unless a question of the business precedes it', async () => {
  const answers = (text: string, isOurs: boolean) => ({ answers: { messageId: 'm0', text, isOurs } });
  const [alone, told, asked, ofAnother] = [
    store('👍'),
    store('👍', answers('Заказ собран', true)),
    store('👍', answers('Записать вас на 15:00?', true)),
    store('👍', answers('Идём в кино?', false)),
  ];
  for (const guess of [alone, told, ofAnother]) expect(await classify(guess)).toMatchObject({ isCertain: false, stage: 'pattern' });
  expect(await classify(asked)).toMatchObject({ intent: 'confirmation', isCertain: true, stage: 'pattern' });
  expect(emulator.getRequests()).toEqual([]);
  expect(await unanswered(it.store, new Date(Date.now() + 86_400_000), 10)).toEqual([]);
  expect(await it.bus.call(intents.classify_intent, { text: 'ага', answersQuestion: true })).toMatchObject({ isCertain: true });
});

test('what the local stage is not sure of reaches the language model under the id of the message', async () => {
  const message = store(unsure);
  expect(await classify(message)).toMatchObject({ intent: 'interest', stage: 'llm', isCertain: true });
  // On a slow machine the row is taken over from this process by itself, and asks again.
  const refs = new Set(emulator.getRequests().map(({ headers }) => headers['x-client-request-id']));
  expect([...refs]).toEqual([message.messageId]);
  const [row] = await it.store.query<Record<string, unknown>>('select llm, input_tokens from intent_classifier.message_analysis');
  expect(row).toMatchObject({ llm: 'openai/gpt-4.1-mini' });
  expect(row?.input_tokens).toBeGreaterThan(0);
});

test('a message that no language model could judge is judged anew later, three times at most', async () => {
  emulator.setChaos({ malformedRate: 1 });
  const message = store(unsure);
  expect(await classify(message)).toMatchObject({ stage: 'local', isCertain: false });
  emulator.clearChaos();
  const inMinutes = (minutes: number) => () => Date.now() + minutes * 60_000;
  const waiting = (minutes: number) => unanswered(it.store, new Date(inMinutes(minutes)()), 10);
  expect([await waiting(4), await waiting(6)]).toEqual([[], [{ messageId: message.messageId, version: 1 }]]);
  for (const [version, early, late] of [
    [2, 59, 61],
    [3, 719, 721],
    [4, 1, 1],
  ] as const) {
    await it.store.query('update intent_classifier.message_analysis set version = $1', [version]);
    expect([(await waiting(early)).length, (await waiting(late)).length]).toEqual([0, version < 4 ? 1 : 0]);
  }
  await it.store.query('update intent_classifier.message_analysis set version = 1');
  for (const _ of [1, 2]) await askAgain(served.bus, inMinutes(6)).turn(AbortSignal.timeout(10_000));
  const stages = () => toldOf(message).map(({ stage }) => stage);
  await until(() => (stages().length > 1 ? true : null));
  expect(stages()).toEqual(['local', 'llm']);
  expect(await waiting(6)).toEqual([]);
});

test('messages of staff, of service and without words are not judged; a voice message is when its words are known', async () => {
  const staff = { customerId: 'u2', userId: 'u2', name: 'x', role: 'manager', isStaff: true, isBot: false } as const;
  const voice = store('верните деньги, до сих пор не привезли!', { kind: 'voice' });
  for (const message of [store('да', { sender: staff }), store('pinned', { kind: 'service' }), voice]) await receive(message);
  const last = store('спасибо вам огромное');
  await receive(last);
  await classified(last.messageId);
  const judged = await it.store.query('select message_id from intent_classifier.message_analysis');
  expect(judged).toEqual([{ message_id: last.messageId }]);
  await commit(async (tx) => tx.emit(inbox.message_transcribed, { messageId: voice.messageId, chatId: 'chat_1', at: noon }));
  expect(await classified(voice.messageId)).toMatchObject({ intent: 'complaint', isUrgent: true });
});

test("our own bots' messages are known by their role", async () => {
  const by = (role: 'broadcast_bot' | 'assistant_bot') => ({ customerId: 'b', userId: 'b', name: 'x', role, isStaff: true, isBot: true });
  expect(await classify(store('сколько стоит?', { sender: by('broadcast_bot') }))).toMatchObject({ intent: 'broadcast', isCertain: true });
  expect(await classify(store('сколько стоит?', { sender: by('assistant_bot') }))).toMatchObject({ intent: 'none', isCertain: true });
});

test('judged anew it has a new version, and only the latest counts', async () => {
  const message = store('сколько стоит букет?');
  await classify(message);
  messages.set(message.messageId, { ...message, text: 'верните деньги, букет завял на второй день, ужас!!!' });
  expect(await classify(message, 'again')).toMatchObject({ version: 2, intent: 'complaint', isUrgent: true });
  const { items, messages: all } = await it.bus.call(intents.intent_totals, {});
  expect(all).toBe(1);
  expect(items.find(({ intent }) => intent === 'complaint')).toMatchObject({ messages: 1, urgent: 1 });
  expect(items.find(({ intent }) => intent === 'question')).toEqual({
    ...{ intent: 'question', messages: 0, urgent: 0, uncertain: 0, meanConfidence: null },
  });
  const versions = await it.store.query('select version from intent_classifier.message_analysis where message_id = $1', [
    message.messageId,
  ]);
  expect(versions).toHaveLength(2);
});

test('two judgements of one message at once make two versions, one of them the latest', async () => {
  const message = store('сколько стоит букет?');
  const done = await Promise.all(['a', 'b', 'c'].map((key) => classify(message, key)));
  expect(done.map(({ version }) => version).sort()).toEqual([1, 2, 3]);
});

test('totals count what was sent in the time, days are those of the time zone', async () => {
  const now = Date.now();
  const daysAgo = (days: number) => new Date(now - days * 86_400_000).toISOString();
  await classify(store('сколько стоит доставка?', { sentAt: daysAgo(0) }));
  await classify(store('сколько стоит упаковка?', { sentAt: daysAgo(3) }));
  await classify(store('верните деньги немедленно', { sentAt: daysAgo(3) }));
  await classify(store('сколько стоит открытка?', { sentAt: daysAgo(40) }));
  const span = { since: daysAgo(10), until: daysAgo(1) };
  expect((await it.bus.call(intents.intent_totals, span)).messages).toBe(2);
  const { items } = await it.bus.call(intents.daily_intents, { days: 5, timeZone: 'Asia/Vladivostok' });
  const day = (at: string) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Vladivostok' }).format(new Date(at));
  expect(items).toMatchObject([
    { day: day(daysAgo(0)), messages: 1, intents: { question: 1, complaint: 0 } },
    { day: day(daysAgo(3)), messages: 2, urgent: 1, intents: { question: 1, complaint: 1 } },
  ]);
});

test('pages of urgent messages hold each once, the latest first', async () => {
  const ids: string[] = [];
  for (let minute = 0; minute < 5; minute += 1) {
    const sentAt = new Date(Date.parse(noon) + Math.floor(minute / 2) * 60_000).toISOString(); // some at the same time
    const { messageId } = await classify(store('до сих пор не привезли, верните деньги!', { sentAt }));
    ids.push(messageId);
  }
  await classify(store('спасибо, всё получила'));
  const seen: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await it.bus.call(intents.urgent_messages, { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items.map(({ messageId }) => messageId));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  expect(seen).toEqual([...ids].reverse());
  expect((await it.bus.call(intents.urgent_messages, { intent: 'order' })).items).toEqual([]);
  await expect(it.bus.call(intents.urgent_messages, { cursor: 'zzz' })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a phrase of the table decides before the models, the lowest rank first, until it is taken away', async () => {
  const judge = () => it.bus.call(intents.classify_intent, { text: 'Верните, пожалуйста, мои деньги' });
  const phrase = 'верн* … деньги';
  await it.bus.call(intents.put_pattern, { patternId: 'late', phrase, intent: 'order', rank: 200 });
  await it.bus.call(intents.put_pattern, { patternId: 'first', phrase, intent: 'question', isUrgent: true, rank: 5 });
  expect((await it.bus.call(intents.list_patterns, {})).items.map(({ patternId }) => patternId)).toEqual(['first', 'late']);
  const decided = await until(async () => {
    const judged = await judge();
    return judged.stage === 'pattern' ? judged : null;
  });
  expect(decided).toEqual({ intent: 'question', isCertain: true, isUrgent: true, confidence: 1, stage: 'pattern' });
  for (const patternId of ['first', 'late', 'late']) await it.bus.call(intents.remove_pattern, { patternId });
  expect(await until(async () => ((await judge()).stage === 'pattern' ? null : true))).toBe(true);
  await expect(it.bus.call(intents.put_pattern, { patternId: 'all', phrase: '*', intent: 'none' })).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});

test('a phrase without a word that came into the table by hand holds up no message', async () => {
  await it.store.query(
    `insert into intent_classifier.message_patterns (pattern_id, phrase, intent) values ('all', '*', 'none'), ('ok', '= ок', 'confirmation')`,
  );
  const judged = await until(async () => {
    const { stage, intent } = await it.bus.call(intents.classify_intent, { text: 'Ок!' });
    return stage === 'pattern' ? intent : null;
  });
  expect(judged).toBe('confirmation');
  expect(await it.bus.call(intents.classify_intent, { text: 'сколько стоит букет из 25 роз?' })).toMatchObject({ stage: 'local' });
});

test('the five hundred and first phrase is refused, another in the place of one is not', async () => {
  await it.store.query(
    `insert into intent_classifier.message_patterns (pattern_id, phrase, intent) select 'p' || n, 'слово' || n, 'none' from generate_series(1, 500) n`,
  );
  const more = { patternId: 'more', phrase: 'слово', intent: 'none' } as const;
  await expect(it.bus.call(intents.put_pattern, more)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'too_many' });
  await it.bus.call(intents.put_pattern, { ...more, patternId: 'p7' });
});

test('a message that is gone is not judged', async () => {
  await expect(it.bus.call(intents.classify_message, { messageId: 'nowhere' }, { key: 'x' })).rejects.toMatchObject({ code: 'not_found' });
});

const assign = async (chatId: string, personId: string | null) => {
  await commit(async (tx) => tx.emit(inbox.chat_assigned, { chatId, personId, who: null, at: noon }));
  const stored = async () =>
    (
      await it.store.query<{ person: string }>('select person_id as person from intent_classifier.assigned_chats where chat_id = $1', [
        chatId,
      ])
    )[0]?.person;
  await until(async () => ((await stored()) ?? null) === personId);
};

test('a manager is shown urgent messages of their own chats and of nobody’s, in pages', async () => {
  for (const [chatId, personId] of [
    ['chat_own', 'anna'],
    ['chat_free', null],
    ['chat_other', 'boris'],
  ] as const) {
    const { messageId } = store('Срочно! Где мой заказ?', { chatId });
    await it.bus.call(intents.correct, { messageId, intent: 'complaint', isUrgent: true }, { key: messageId });
    await assign(chatId, personId);
  }
  const chats = async (look: object) => (await it.bus.call(intents.urgent_messages, look)).items.map(({ chatId }) => chatId).sort();
  const viewer = { personId: 'anna', role: 'manager' };
  expect(await chats({ viewer })).toEqual(['chat_free', 'chat_own']);
  expect(await chats({ viewer: { ...viewer, role: 'director' } })).toEqual(['chat_free', 'chat_other', 'chat_own']);
  expect(await chats({})).toEqual(['chat_free', 'chat_other', 'chat_own']);
  const first = await it.bus.call(intents.urgent_messages, { viewer: viewer as never, limit: 1 });
  const next = await it.bus.call(intents.urgent_messages, { viewer: viewer as never, limit: 1, cursor: first.nextCursor ?? '' });
  expect([...first.items, ...next.items].map(({ chatId }) => chatId).sort()).toEqual(['chat_free', 'chat_own']);
  expect(next.nextCursor).toBeNull();
  await assign('chat_other', null);
  expect(await chats({ viewer })).toContain('chat_other');
});

test('a person corrects the intent of a message, and the classification stays as the version before', async () => {
  const { messageId } = store('Сколько стоит букет?');
  await it.bus.call(intents.classify_message, { messageId }, { key: `${messageId} first` });
  told.length = 0;
  const corrected = await it.bus.call(
    intents.correct,
    { messageId, intent: 'complaint', onBehalfOf: 'staff/s_1/anna' },
    { key: `${messageId} corrected` },
  );
  expect(corrected).toMatchObject({ messageId, version: 2, intent: 'complaint', isCertain: true, isUrgent: false, confidence: 1 });
  await until(async () => told.find(({ intent }) => intent === 'complaint') ?? null);
  expect(
    await it.store.query(
      'select version, intent, is_latest, who from intent_classifier.message_analysis where message_id = $1 order by version',
      [messageId],
    ),
  ).toEqual([
    { version: 1, intent: 'question', is_latest: false, who: null },
    { version: 2, intent: 'complaint', is_latest: true, who: 'operator:staff/s_1/anna' },
  ]);
  const unknown = it.bus.call(intents.correct, { messageId: 'msg_unknown', intent: 'order' }, { key: 'unknown' });
  await expect(unknown).rejects.toMatchObject({ code: 'not_found' });
});
