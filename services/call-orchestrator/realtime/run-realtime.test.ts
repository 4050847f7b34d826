/** A talk of a speech model over a leg, with the real dialog. The caller speaks in tones, one for each phrase. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SpeechModel } from '../../../adapters/realtime/port.ts';
import { type FakeAnswer, type FakeItem, type FakeRealtime, fakeRealtime } from '../../../adapters/realtime/realtime.fake.ts';
import { type Loopback, loopback, loopbackSettings } from '../../../adapters/telephony/loopback.ts';
import type { FarPhone } from '../../../adapters/telephony/loopback-leg.ts';
import type { TtsProvider } from '../../../adapters/tts/port.ts';
import { openAiRealtime } from '../../../adapters/vendors/openai/realtime.ts';
import { yandexRealtime } from '../../../adapters/vendors/yandex/realtime.ts';
import type { Service } from '../../../bus/service.ts';
import { booking } from '../../../contracts/booking.ts';
import { calls } from '../../../contracts/calls.ts';
import { company } from '../../../contracts/company.ts';
import { dialog } from '../../../contracts/dialog.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { decode, encode } from '../../../media/audio/g711.ts';
import { goertzel } from '../../../media/audio/goertzel.ts';
import { makeTone } from '../../../media/audio/tones.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { loadServices } from '../../../runtime/services.ts';
import { type Aimock, aimock } from '../../../test/kit/aimock.ts';
import { until, type World, world } from '../../../test/kit/world.ts';
import salon from '../../crm-connector/salon.json' with { type: 'json' };

const phrases = {
  haircut: { hz: 500, words: 'хочу на стрижку' },
  first: { hz: 900, words: 'давайте первое' },
  yes: { hz: 1_300, words: 'да записывайте' },
  wait: { hz: 1_700, words: 'подождите' },
  listening: { hz: 2_100, words: 'угу' },
  goodbye: { hz: 2_500, words: 'до свидания' },
} as const;
type Phrase = keyof typeof phrases;
const spoken = (phrase: Phrase, ms: number): Uint8Array => encode('PCMU', makeTone({ hz: [phrases[phrase].hz], ms, dbm0: -12 }));
const wordsIn = (pcmu: Uint8Array): string => {
  const samples = decode('PCMU', pcmu);
  const level = ({ hz }: { hz: number }) => goertzel(samples, hz);
  return Object.values(phrases).reduce((best, each) => (level(each) > level(best) ? each : best)).words;
};
/** The voice of the system: each text has its own sound, 5 ms a letter. */
const ownSound = (text: string): Uint8Array => {
  const seed = [...text].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9_973, 7);
  return Uint8Array.from({ length: 40 * text.length }, (_, n) => 1 + ((n * n * seed + 13 * n) % 100));
};
const voice: TtsProvider = {
  provider: 'test',
  voices: async () => [{ voice: 'anna', language: 'ru-RU', gender: 'female' }],
  speak: async ({ text }) => ownSound(text),
};
const greeting = 'Разговор записывается.';

let it: World;
let gateway: Loopback;
let server: FakeRealtime;
let openai: FakeRealtime;
let yandex: FakeRealtime;
let emulator: Aimock;
let brain: (items: readonly FakeItem[], nth: number) => FakeAnswer = () => ({ says: 'Слушаю.' });
/** Each number is answered by its own model. */
const models: Record<string, readonly SpeechModel[]> = {};
let dialled: (phone: FarPhone) => void = () => {};
const people = '+79995550042';
const missing: SpeechModel = { provider: 'none', open: async () => Promise.reject(new Error('no network')) };
beforeAll(async () => {
  it = await world();
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => dialled(phone));
  const served = { words: wordsIn, answers: (items: readonly FakeItem[], nth: number) => brain(items, nth) };
  openai = await fakeRealtime(served);
  yandex = await fakeRealtime({ ...served, scheme: 'Api-Key' });
  server = openai;
  emulator = await aimock([
    { match: { toolCallId: 'call_slots' }, response: { content: 'Есть завтра в десять. Подойдёт?' } },
    {
      match: { userMessage: 'Клиент нажал на клавиши телефона: 3' },
      response: { toolCalls: [{ id: 'call_create', name: 'create_appointment', arguments: '{"slot":"s1","name":"Анна"}' }] },
    },
    {
      match: {},
      response: {
        content: 'Секунду.',
        toolCalls: [{ id: 'call_slots', name: 'get_available_slots', arguments: '{"services":["haircut"]}' }],
      },
    },
  ]);
  const modelAt = (url: string, silentMs = 20_000): SpeechModel =>
    openAiRealtime({ apiKey: 'sk-test', url, model: 'gpt-realtime-2.1', voice: 'marin', transcriptionModel: 'whisper-1', silentMs });
  const ofYandex = { apiKey: 'sk-test', folderId: 'b1g', url: yandex.url, model: 'speech-realtime-250923', voice: 'alena', rateHz: 44_100 };
  models.yandex = [yandexRealtime({ ...ofYandex, silentMs: 20_000 })];
  models.openai = [modelAt(server.url)];
  models.hasty = [modelAt(server.url, 1_000)];
  models.aimock = [modelAt(`${emulator.url.replace('http', 'ws')}/v1/realtime`)];
  const vendors: Readonly<Record<string, object>> = {
    'telephony-gateway': { gateway },
    tts: { tts: [voice] },
    'call-orchestrator': {
      realtime: [{ provider: 'openai', open: (options: never, signal: never) => (models.now?.[0] ?? missing).open(options, signal) }],
    },
  };
  for (const { folder, service: each } of await loadServices([
    'call-orchestrator',
    'telephony-gateway',
    'tts',
    'dialog-orchestrator',
    'crm-connector',
    'journal',
  ])) {
    const made: Service =
      vendors[folder] === undefined
        ? each
        : { ...each, make: (parts) => each.make({ ...parts, vendors: { ...parts.vendors, ...vendors[folder] } }) };
    await it.start(folder, made, { CALL_ROUTES: '100=realtime', CALL_GREETING: greeting, CALL_HOURS: '00:00-24:00', CALL_PEOPLE: people });
  }
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0, openingHours: [] } as never });
});
afterAll(async () => {
  await it.stop();
  await openai.close();
  await yandex.close();
  await emulator.stop();
});

type Entries = OutputOf<typeof calls.get_transcript>['entries'];
let phones = 0;
async function calling(at: 'openai' | 'yandex' | 'hasty' | 'aimock' | 'none' = 'openai') {
  models.now = models[at] ?? [];
  server = at === 'yandex' ? yandex : openai;
  phones += 1;
  const from = `+7999666${String(1_000 + phones)}`;
  const phone = await gateway.call(from, '100');
  const frames: Uint8Array[] = [];
  phone.hear((audio) => void frames.push(audio));
  const { callId } = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: from })).items[0]);
  const transcript = async (): Promise<Entries> => (await it.bus.call(calls.get_transcript, { callId })).entries;
  const lines = async () => (await transcript()).map(({ who, text, isInterrupted }) => `${who}: ${text}${isInterrupted ? '…' : ''}`);
  return {
    phone,
    callId,
    transcript,
    lines,
    hears: (text: string) => until(() => Buffer.concat(frames).includes(Buffer.from(ownSound(text)))),
    /** Waits until the model's voice has been heard for this long. */
    hearsModel: (ms: number) => {
      const before = frames.length;
      return until(() => (frames.length - before) * 20 > ms);
    },
    says: (phrase: Phrase, ms = 500) => phone.say(spoken(phrase, ms)),
    line: (like: RegExp) => until(async () => (await lines()).find((line) => like.test(line))),
    session: () => it.bus.call(dialog.get_session, { sessionId: callId }),
    end: () => until(() => phone.state === 'ended'),
  };
}
const appointments = async () => (await it.bus.call(booking.list_appointments, { days: 60 })).appointments.length;
const isToolResult = (item: FakeItem | undefined): boolean => item?.role === 'tool';

test.each(['openai', 'yandex'] as const)(
  'a caller books with %s: the model calls the tools of the dialog, the system speaks the proposal, and the customer’s yes books once',
  async (provider) => {
    const before = await appointments();
    brain = (items) => {
      const last = items.at(-1);
      if (isToolResult(last) && last?.text.includes('"slots"')) return { says: 'Есть завтра в десять. Подойдёт?' };
      if (isToolResult(last)) return {};
      if (last?.text === phrases.haircut.words)
        return { says: 'Секунду.', calls: [{ name: 'get_available_slots', arguments: { services: ['haircut'] } }] };
      if (last?.text === phrases.first.words) return { calls: [{ name: 'create_appointment', arguments: { slot: 's1', name: 'Анна' } }] };
      if (last?.text === phrases.goodbye.words) return { says: 'Всего доброго!', calls: [{ name: 'end_call', arguments: {} }] };
      return { says: 'Слушаю.' };
    };
    const caller = await calling(provider);
    await caller.hears(greeting);
    await caller.says('haircut');
    await caller.line(/agent: Есть завтра/);
    await caller.says('first');
    await caller.line(/agent: Записываю так/);
    expect(await appointments()).toBe(before);
    await caller.says('yes');
    await caller.line(/agent: Готово, вы записаны/);
    expect(await appointments()).toBe(before + 1);
    await caller.says('goodbye');
    await caller.end();
    const lines = await until(async () => (await caller.lines()).at(-1) === 'agent: Всего доброго!' && (await caller.lines()));
    expect(lines.map((line) => line.split('\n')[0])).toEqual([
      `agent: ${greeting}`,
      'customer: хочу на стрижку',
      'agent: Секунду.',
      'agent: Есть завтра в десять. Подойдёт?',
      'customer: давайте первое',
      expect.stringMatching(/^agent: Записываю так:/),
      'customer: да записывайте',
      expect.stringMatching(/^agent: Готово, вы записаны/),
      'customer: до свидания',
      'agent: Всего доброго!',
    ]);
    const names = (await caller.session()).turns.flatMap(({ tools }) => tools.map(({ name }) => name));
    expect(names).toEqual(['get_available_slots', 'create_appointment']);
  },
);

test('an answer that brings speech and a call has one answer after it', async () => {
  brain = (items) =>
    isToolResult(items.at(-1))
      ? { says: 'Вот услуги.' }
      : {
          says: 'Смотрю.',
          calls: [
            { name: 'get_services', arguments: {} },
            { name: 'get_employees', arguments: {} },
          ],
        };
  const caller = await calling();
  await caller.hears(greeting);
  const before = server.received.filter(({ type }) => type === 'response.create').length;
  await caller.says('haircut');
  await caller.line(/agent: Вот услуги/);
  expect(server.received.filter(({ type }) => type === 'response.create')).toHaveLength(before + 2);
  caller.phone.hangUp();
  await caller.end();
});

const long = { says: 'Стрижка стоит полторы тысячи рублей, укладка тысячу, окрашивание от трёх тысяч.', ms: 8_000 };
test.each(['openai', 'yandex'] as const)(
  'a word that interrupts truncates the answer of %s to what was heard, and the transcript has no more',
  async (provider) => {
    brain = (items) => (items.at(-1)?.text === phrases.wait.words ? { says: 'Да?' } : long);
    const caller = await calling(provider);
    await caller.hears(greeting);
    await caller.says('haircut');
    await caller.hearsModel(1_500);
    await caller.says('wait', 400);
    const cut = await caller.line(/^agent: Стрижка.*…$/s);
    await caller.line(/^agent: Да\?$/);
    const truncated = server.received.findLast(({ type }) => type === 'conversation.item.truncate') as { audio_end_ms: number } | undefined;
    expect(truncated?.audio_end_ms).toBeGreaterThan(1_400);
    expect(truncated?.audio_end_ms).toBeLessThan(8_000);
    const kept = server.items.find(({ ms }) => ms === truncated?.audio_end_ms);
    expect(kept?.text.startsWith(cut.slice('agent: '.length, -1))).toBe(true);
    expect(await caller.lines()).toContain('customer: подождите');
    caller.phone.hangUp();
    await caller.end();
  },
);

test('a backchannel lets the model go on, and its audio is heard once', async () => {
  const short = { ...long, ms: 3_000 };
  brain = () => short;
  const caller = await calling();
  await caller.hears(greeting);
  const asked = server.received.filter(({ type }) => type === 'response.create').length;
  await caller.says('haircut');
  await caller.hearsModel(800);
  await caller.says('listening', 300);
  await caller.line(/^agent: Стрижка стоит .*тысяч\.$/s);
  expect(server.received.filter(({ type }) => type === 'response.create')).toHaveLength(asked + 1);
  expect(await caller.lines()).toContain('customer: угу');
  caller.phone.hangUp();
  await caller.end();
});

test('a session that breaks off in mid-talk is opened again with the history, and the turn is answered', async () => {
  brain = () => ({ says: 'Слушаю вас.' });
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('haircut');
  await caller.line(/^agent: Слушаю вас/);
  const opened = server.connections.length;
  server.drop();
  await until(() => server.connections.length > opened);
  brain = () => ({ says: 'Продолжим.' });
  await caller.says('first');
  await caller.line(/^agent: Продолжим/);
  expect(server.items.map(({ text }) => text).slice(0, 3)).toEqual([greeting, phrases.haircut.words, 'Слушаю вас.']);
  caller.phone.hangUp();
  await caller.end();
});

test('a provider that falls silent over a turn is left, and the audio of the turn is heard by the next session', async () => {
  brain = () => ({ says: 'Слышу.' });
  const caller = await calling('hasty');
  await caller.hears(greeting);
  await until(() => server.items.length > 0);
  server.stall();
  await caller.says('haircut');
  await caller.line(/^agent: Слышу/);
  expect(await caller.lines()).toContain('customer: хочу на стрижку');
  caller.phone.hangUp();
  await caller.end();
});

test('without a speech model that answers, the system says so to the caller and hangs up', async () => {
  const caller = await calling('none');
  await caller.line(/agent: К сожалению, сейчас я не могу ответить/);
  await caller.end();
});

test('over an emulator by other hands, a caller books with the keys of the phone; what the model writes is said by our voice', async () => {
  const before = await appointments();
  const caller = await calling('aimock');
  await caller.hears(greeting);
  await caller.says('haircut');
  await caller.line(/agent: Есть завтра/);
  caller.phone.press('3');
  await caller.line(/agent: Записываю так/);
  caller.phone.press('1');
  await caller.line(/agent: Готово, вы записаны/);
  expect(await appointments()).toBe(before + 1);
  caller.phone.hangUp();
  await caller.end();
});

/** The next phone that is called: it answers. */
function answering(): Promise<FarPhone> {
  const person = Promise.withResolvers<FarPhone>();
  dialled = (phone) => {
    phone.ring();
    phone.answer();
    person.resolve(phone);
  };
  return person.promise;
}
async function takes(person: FarPhone, callId: string, callee: string): Promise<void> {
  await until(() => person.state === 'talking');
  await until(async () => {
    // Keys are read from the moment on at which the summary begins.
    person.press('1');
    return (await it.bus.call(calls.get_call, { callId })).transferredTo === callee;
  });
}
/** Each hears the other, and the model hears neither. */
async function speakWithoutModel(caller: Awaited<ReturnType<typeof calling>>, person: FarPhone): Promise<void> {
  const [said, given] = [(await caller.transcript()).length, server.received.length];
  const heard: Uint8Array[] = [];
  person.hear((audio) => void heard.push(audio));
  await caller.says('haircut', 1_000);
  await until(() => Buffer.concat(heard).includes(Buffer.from(spoken('haircut', 1_000).subarray(800, 1_600))));
  const hears = caller.hears('Добрый день');
  await person.say(ownSound('Добрый день'));
  await hears;
  expect(await caller.transcript()).toHaveLength(said);
  expect(server.received.slice(given).filter(({ type }) => type !== 'session.update')).toEqual([]);
}

test('a caller who asks the model for a person is put through to one, and the turns are reported', async () => {
  const person = answering();
  brain = (items) => {
    const last = items.at(-1);
    if (last?.role === 'user') return { calls: [{ name: 'hand_over', arguments: { reason: 'asked', summary: 'Просит сотрудника' } }] };
    return { says: 'Соединяю с сотрудником.' };
  };
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('wait');
  const phone = await person;
  await takes(phone, caller.callId, people);
  await speakWithoutModel(caller, phone);
  caller.phone.hangUp();
  await until(() => phone.state === 'ended');
  const reported = await until(async () => {
    const [row] = await it.store.query<{ payload: object }>(
      `select payload from journal.events where event = 'calls.turn_completed' and key = $1`,
      [caller.callId],
    );
    return row;
  });
  const [, asked, ...answered] = await caller.lines();
  expect(asked).toBe('customer: подождите');
  const reply = answered.map((line) => line.replace('agent: ', '')).join(' ');
  expect(reported.payload).toMatchObject({ n: 0, said: 'подождите', reply, isInterrupted: false });
  expect(reply).not.toBe('');
});

test('a person who takes a talk of the model over speaks with the customer, and the model hears and says nothing more', async () => {
  const person = answering();
  brain = () => ({ says: 'Слушаю вас.' });
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('haircut');
  await caller.line(/agent: Слушаю вас/);
  const to = '+79995550043';
  await until(async () => (await it.bus.call(calls.get_call, { callId: caller.callId })).state === 'answered');
  await it.bus.call(calls.transfer_call, { callId: caller.callId, to, mode: 'attended', summary: 'Хочет на стрижку.' });
  const phone = await person;
  await takes(phone, caller.callId, to);
  await speakWithoutModel(caller, phone);
  caller.phone.hangUp();
  await caller.end();
});
