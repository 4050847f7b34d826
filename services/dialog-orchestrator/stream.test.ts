import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createOutbox } from '../../adapters/outbox.ts';
import { dialog } from '../../contracts/dialog.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture, lastResult, unique } from './fixture.ts';
import { sessionIdOf } from './ids.ts';
import { sentences } from './sentences.ts';

let world_: World;
let it: Fixture;
beforeAll(async () => {
  world_ = await world();
  it = await fixture(world_, { 'crm-connector': connector, journal: journalService }, { salon });
});
afterAll(() => world_.stop());

async function* nothing(): AsyncGenerator<never> {}
const open = (sessionId: string, message: string, up: AsyncIterable<never> = nothing()) =>
  world_.bus.open(dialog.dialog_stream, { sessionId, message }, up, { timeoutMs: 20_000 });

test.each<[string, readonly string[]]>([
  ['Здравствуйте! Чем могу помочь? Пишите', ['Здравствуйте!', 'Чем могу помочь?']],
  ['Стоит 2.5 тыс. за час. Подходит?', ['Стоит 2.5 тыс.', 'за час. Подходит?']],
  ['Да. Хорошо, посмотрю время. ', ['Да. Хорошо, посмотрю время.']],
])('a text that comes letter by letter is cut into sentences: %s', (text, expected) => {
  const parts = sentences();
  const done = [...text].flatMap((letter) => parts.add(letter));
  expect([...done, parts.rest()].filter((part) => part !== '').join(' ')).toBe(text.trim());
  expect(done.slice(0, expected.length - 1)).toEqual(expected.slice(0, done.length).slice(0, expected.length - 1));
});

test('a stream says each sentence, names the tools, and ends with the whole answer', async () => {
  const session = unique('voice');
  it.thinks((request) =>
    lastResult(request) === null
      ? { calls: [['get_services', {}]] }
      : { text: 'У нас есть стрижка и маникюр. На какой день вас записать?' },
  );
  const items = [];
  for await (const item of open(session, 'Что у вас есть?')) items.push(item);
  expect(items.map((item) => (item.is === 'sentence' ? item.text : item.is))).toEqual([
    'tool',
    'У нас есть стрижка и маникюр.',
    'На какой день вас записать?',
    'done',
  ]);
  expect(items.at(-1)).toMatchObject({ answer: { reply: 'У нас есть стрижка и маникюр. На какой день вас записать?' } });
});

test('a sentence that claims what did not happen is never said', async () => {
  const session = unique('voice');
  it.thinks((_request, nth) => ({
    text: nth === 1 ? 'Секунду, смотрю. Готово, вы записаны на завтра. Ждём!' : 'На какой день вас записать?',
  }));
  const said: string[] = [];
  for await (const item of open(session, 'Запишите меня')) if (item.is === 'sentence') said.push(item.text);
  expect(said.join(' ')).not.toMatch(/записаны/);
  expect(said.at(-1)).toBe('На какой день вас записать?');
});

test('the model of a caller knows that its reply is spoken, as an eager answer does, and that of a chat is told of buttons', async () => {
  const session = unique('voice');
  it.thinks(() => ({ text: 'На какой день?' }));
  const { up, done } = openEager(session, 'Хочу на стрижку');
  await until(async () => it.requests.length === 1);
  up.put({ is: 'confirm' });
  up.end();
  await done;
  await it.say(unique('chat'), 'Хочу на стрижку');
  expect(it.requests.map(({ messages, facts }) => [/произносится вслух/.test(messages[0]?.text ?? ''), facts])).toEqual([
    [true, expect.objectContaining({ isSpoken: true })],
    [false, expect.objectContaining({ isSpoken: false })],
  ]);
});

test('a phone that is told in words is the phone of the conversation', async () => {
  const session = unique('voice');
  const seen: string[] = [];
  it.thinks(({ messages }) => {
    seen.push(JSON.stringify(messages.at(-1)));
    return { text: 'Записала номер, спасибо!' };
  });
  const said = 'мой номер восемь девятьсот девяносто девять сто двадцать три сорок пять шестьдесят семь';
  for await (const _ of open(session, said)) {
    // read to the end
  }
  expect(seen.join()).toContain('мой номер +79991234567');
  const rows = await it.rows<{ phone: string }>('select phone from dialog_orchestrator.sessions where session_id = $1', [
    sessionIdOf(session),
  ]);
  expect(rows).toEqual([{ phone: '+79991234567' }]);
});

/** The answer to what a caller says. */
async function answerTo(session: string, said: string, more: object = {}) {
  for await (const item of world_.bus.open(dialog.dialog_stream, { sessionId: session, message: said, ...more }, nothing(), {
    timeoutMs: 20_000,
  }))
    if (item.is === 'done') return item.answer;
  throw new Error('There was no answer.');
}
const [half, rest] = ['восемь девятьсот шестнадцать', 'сто двадцать три сорок пять шестьдесят семь'];
const phoneOf = async (session: string) =>
  (await it.rows<{ phone: string }>('select phone from dialog_orchestrator.sessions where session_id = $1', [sessionIdOf(session)]))[0]
    ?.phone;
const linesOf = (messages: readonly { readonly role: string; readonly text: string }[] = []) =>
  messages.filter(({ role }) => role === 'user' || role === 'assistant').map(({ text }) => text);

test('a phone that is told in two turns is asked for the rest, and reaches the model as one number after its question', async () => {
  const session = unique('voice');
  it.thinks((_request, nth) => ({ text: nth === 1 ? 'Подскажите ваш номер телефона?' : 'Спасибо! На какой день?' }));
  expect((await answerTo(session, 'Хочу на стрижку')).expects).toEqual(['phone']);
  expect(await answerTo(session, `конечно, меня зовут Ирина, ${half}`)).toMatchObject({
    ...{ reply: 'Слушаю дальше.', expects: ['phone'], dictated: '8916', intent: 'talk' },
  });
  expect(await answerTo(session, 'сто двадцать три сорок пять')).toMatchObject({ reply: 'Слушаю дальше.', dictated: '891612345' });
  expect(await answerTo(session, 'нет, сорок шесть')).toMatchObject({ reply: 'Слушаю дальше.', dictated: '891612346' });
  expect(await answerTo(session, 'шестьдесят семь')).toMatchObject({ reply: 'Спасибо! На какой день?', expects: ['time'], dictated: '' });
  expect(it.requests.map(({ messages }) => linesOf(messages))).toEqual([
    ['Хочу на стрижку'],
    ['Хочу на стрижку', 'Подскажите ваш номер телефона?', 'конечно, меня зовут Ирина, +79161234667'],
  ]);
  expect(await phoneOf(session)).toBe('+79161234667');
});

test('a number that was told replaces the one that the customer calls from, and a later correction changes its end', async () => {
  const session = unique('voice');
  const from = { phoneNumber: '+79990000009' };
  it.thinks((_request, nth) => ({ text: nth === 1 ? 'Подскажите ваш номер телефона?' : 'Как вас зовут?' }));
  await answerTo(session, 'Хочу на стрижку', from);
  expect(await phoneOf(session)).toBe('+79990000009');
  await answerTo(session, `${half} ${rest}`, from);
  await answerTo(session, 'нет, в конце шестьдесят восемь', from);
  expect(linesOf(it.requests.at(-1)?.messages).at(-1)).toBe('нет, +79161234568');
  await answerTo(session, 'Ирина', from);
  expect(await phoneOf(session)).toBe('+79161234568');
});

test('a question between the halves is answered, and the rest completes the number', async () => {
  const session = unique('voice');
  it.thinks((_request, nth) => ({ text: nth === 2 ? 'Стрижка стоит две тысячи.' : 'Подскажите ваш номер телефона?' }));
  await answerTo(session, 'Хочу на стрижку');
  await answerTo(session, half);
  await answerTo(session, 'А сколько стоит?');
  expect(await phoneOf(session)).toBeNull();
  await answerTo(session, rest);
  expect(await phoneOf(session)).toBe('+79161234567');
});

test('too many digits are asked for again, from the start', async () => {
  const session = unique('voice');
  it.thinks(() => ({ text: 'Подскажите ваш номер телефона?' }));
  await answerTo(session, 'Хочу на стрижку');
  await answerTo(session, half);
  expect(await answerTo(session, `${rest} восемьдесят`)).toMatchObject({ expects: ['phone'], dictated: '' });
  await answerTo(session, half);
  await answerTo(session, rest);
  expect(await phoneOf(session)).toBe('+79161234567');
});

test('after a cancel the history holds only what the customer heard', async () => {
  const session = unique('voice');
  it.thinks(() => ({ text: 'Первое предложение здесь. Второе предложение здесь. Третье предложение здесь.' }));
  const heardOne = Promise.withResolvers<void>();
  async function* up() {
    await heardOne.promise;
    yield { is: 'heard' as const, sentences: 1 };
    yield { is: 'cancel' as const };
    await new Promise((resolve) => setTimeout(resolve, 5_000).unref());
  }
  const said: string[] = [];
  for await (const item of world_.bus.open(dialog.dialog_stream, { sessionId: session, message: 'Расскажите' }, up(), {
    timeoutMs: 20_000,
  })) {
    if (item.is !== 'sentence') continue;
    said.push(item.text);
    if (said.length === 1) heardOne.resolve();
  }
  it.thinks(() => ({ text: 'Хорошо, слушаю вас.' }));
  await it.say(session, 'Стоп');
  expect(it.requests[0]?.messages.filter(({ role }) => role === 'assistant').map(({ text }) => text)).toEqual([
    'Первое предложение здесь.',
  ]);
});

/** A stream that was opened before the customer had finished. */
function openEager(sessionId: string, message: string) {
  const up = createOutbox<{ readonly is: 'confirm' } | { readonly is: 'cancel' }>();
  const heard: string[] = [];
  const done = (async () => {
    const stream = world_.bus.open(dialog.dialog_stream, { sessionId, message, isEager: true }, up, { timeoutMs: 20_000 });
    for await (const item of stream) heard.push(item.is === 'sentence' ? item.text : item.is);
  })();
  return { up, heard, done };
}
const turnsIn = (session: string) => it.rows('select turn_id from dialog_orchestrator.turns where session_id = $1', [sessionIdOf(session)]);

test('an eager stream asks the model at once, runs no tool and says nothing until the turn is confirmed, and then asks no second time', async () => {
  const session = unique('eager');
  it.thinks((request) => (lastResult(request) === null ? { calls: [['get_services', {}]] } : { text: 'У нас есть стрижка.' }));
  const { up, heard, done } = openEager(session, 'Что у вас есть?');
  await until(async () => it.requests.length === 1);
  expect({ heard, turns: await turnsIn(session) }).toEqual({ heard: [], turns: [] });
  up.put({ is: 'confirm' });
  up.end();
  await done;
  expect(heard).toEqual(['tool', 'У нас есть стрижка.', 'done']);
  expect(it.requests.map(({ messages }) => messages.at(-1)?.role)).toEqual(['user', 'tool']);
});

test('a customer who goes on leaves no turn, and the model is stopped', async () => {
  const session = unique('eager');
  it.thinks(() => new Promise(() => {}));
  const { up, heard, done } = openEager(session, 'Я хотел бы');
  await until(async () => it.requests.length === 1);
  up.put({ is: 'cancel' });
  await done;
  await until(async () => it.requests[0]?.signal.aborted === true);
  expect({ heard, turns: await turnsIn(session) }).toEqual({ heard: [], turns: [] });
});

test('a turn whose conversation has changed meanwhile asks the model again', async () => {
  const session = unique('eager');
  it.thinks(({ messages }) => ({ text: messages.length > 2 ? 'Вы уже спрашивали про цену.' : 'Какая услуга?' }));
  const { up, heard, done } = openEager(session, 'Сколько стоит?');
  await until(async () => it.requests.length === 1);
  await it.say(session, 'Какая у вас цена?');
  up.put({ is: 'confirm' });
  up.end();
  await done;
  expect(heard).toEqual(['Вы уже спрашивали про цену.', 'done']);
});

test('an eager answer that fails is asked for again by the turn', async () => {
  const session = unique('eager');
  it.thinks((_request, nth) => {
    if (nth === 1) throw new PolybError('upstream_failed', 'The model is broken.');
    return { text: 'Слушаю вас.' };
  });
  const { up, heard, done } = openEager(session, 'Здравствуйте');
  await until(async () => it.requests.length === 1);
  up.put({ is: 'confirm' });
  up.end();
  await done;
  expect(heard.at(-2)).toBe('Слушаю вас.');
});

test('a caller who wants a person is told of one on the phone, and not to read a reply', async () => {
  const items = [];
  for await (const item of open(unique('voice'), 'Позовите человека')) items.push(item);
  expect(items.at(-1)).toMatchObject({ is: 'done', answer: { isHandedOver: true } });
  expect(items.flatMap((item) => (item.is === 'sentence' ? [item.text] : [])).join(' ')).toMatch(/Соединяю вас|Сотрудник перезвонит/);
});
