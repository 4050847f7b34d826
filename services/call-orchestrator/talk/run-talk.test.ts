/** A talk over a leg with the real dialog. The caller speaks in tones, one for each phrase, which this test's recogniser knows. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Ear } from '../../../adapters/asr/port.ts';
import { type Loopback, loopback, loopbackSettings } from '../../../adapters/telephony/loopback.ts';
import type { FarPhone } from '../../../adapters/telephony/loopback-leg.ts';
import type { TtsProvider } from '../../../adapters/tts/port.ts';
import type { Service } from '../../../bus/service.ts';
import { calls } from '../../../contracts/calls.ts';
import { company } from '../../../contracts/company.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { decode, encode } from '../../../media/audio/g711.ts';
import { goertzel } from '../../../media/audio/goertzel.ts';
import { makeTone } from '../../../media/audio/tones.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { loadServices } from '../../../runtime/services.ts';
import { soundOf } from '../../../test/kit/voice.ts';
import { until, type World, world } from '../../../test/kit/world.ts';
import salon from '../../crm-connector/salon.json' with { type: 'json' };

const phrases = {
  address: { hz: 500, words: 'какой у вас адрес' },
  goodbye: { hz: 900, words: 'до свидания' },
  listening: { hz: 1_300, words: 'угу' },
  person: { hz: 2_500, words: 'позовите человека' },
  price: { hz: 2_100, words: 'сколько стоит стрижка' },
  wait: { hz: 1_700, words: 'подождите' },
} as const;
const spoken = (phrase: keyof typeof phrases): Uint8Array => encode('PCMU', makeTone({ hz: [phrases[phrase].hz], ms: 500, dbm0: -12 }));
const wordsIn = (pcmu: Uint8Array): string => {
  const samples = decode('PCMU', pcmu);
  const level = ({ hz }: { hz: number }) => goertzel(samples, hz);
  return Object.values(phrases).reduce((best, each) => (level(each) > level(best) ? each : best)).words;
};
/** Whether the first of the two recognisers takes audio and returns nothing. */
let isSilent = false;
const ear = (provider: string, isMute: () => boolean): Ear => ({
  ...{ provider, languages: [], vocabulary: 'open', hasWordTimes: false, limits: null, answersSpeech: true },
  recognize: async () => [],
  async *hear(spoken) {
    let parts: Uint8Array[] = [];
    for await (const item of spoken) {
      if (isMute()) continue;
      if (item instanceof Uint8Array) {
        parts.push(item);
        continue;
      }
      const text = wordsIn(Buffer.concat(parts));
      parts = [];
      yield { kind: 'final', text, confidence: 1, words: [], startMs: 0, endMs: 0 };
      yield { kind: 'finalized' };
    }
  },
});
/** Texts spoken slowly, so that there is time to interrupt them. */
const slowly: string[] = [];
/** 20 ms per letter, or 300 ms for texts about a haircut. */
const sayingOf = (text: string): Uint8Array => {
  const isSlow = text.includes('Стрижка');
  if (isSlow) slowly.push(text);
  return soundOf(text, (isSlow ? 300 : 20) * text.length);
};
const voice: TtsProvider = {
  provider: 'test',
  voices: async () => [{ voice: 'anna', language: 'ru-RU', gender: 'female' }],
  speak: async ({ text }) => sayingOf(text),
};
const people = '+79995550091';
const greeting = 'Да, слушаю вас?';

let it: World;
let gateway: Loopback;
/** The behaviour of a dialled phone. */
let dialled: (phone: FarPhone) => void = () => {};
beforeAll(async () => {
  it = await world();
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => dialled(phone));
  const vendors: Readonly<Record<string, object>> = {
    asr: { ears: [ear('first', () => isSilent), ear('second', () => false)] },
    'telephony-gateway': { gateway },
    tts: { tts: [voice] },
    'call-orchestrator': { tts: [voice] },
  };
  const folders = ['asr', 'call-orchestrator', 'telephony-gateway', 'tts', 'dialog-orchestrator', 'crm-connector', 'journal'];
  for (const { folder, service: each } of await loadServices(folders)) {
    const made: Service =
      vendors[folder] === undefined
        ? each
        : { ...each, make: (parts) => each.make({ ...parts, vendors: { ...parts.vendors, ...vendors[folder] } }) };
    await it.start(folder, made, { CALL_ROUTES: '100=dialog', CALL_GREETING: greeting, CALL_HOURS: '00:00-24:00', CALL_PEOPLE: people });
  }
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0, openingHours: [] } as never });
});
afterAll(() => it.stop());

type Entries = OutputOf<typeof calls.get_transcript>['entries'];
let phones = 0;
async function calling() {
  phones += 1;
  const from = `+7999555${String(1_000 + phones)}`;
  const phone: FarPhone = await gateway.call(from, '100');
  const frames: Uint8Array[] = [];
  phone.hear((audio) => void frames.push(audio));
  const { callId } = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: from })).items[0]);
  const transcript = async (): Promise<Entries> => (await it.bus.call(calls.get_transcript, { callId })).entries;
  return {
    phone,
    callId,
    hears: (text: string) => until(() => Buffer.concat(frames).includes(Buffer.from(sayingOf(text)))),
    heardBytes: () => frames.length * 160,
    transcript,
    lines: async () => (await transcript()).map(({ who, text, isInterrupted }) => `${who}: ${text}${isInterrupted ? '…' : ''}`),
    says: (phrase: keyof typeof phrases) => phone.say(spoken(phrase)),
    end: () => until(() => phone.state === 'ended'),
  };
}

test('a caller asks, is answered by the dialog, says goodbye, and the line hangs up after the last word', async () => {
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('address');
  const answer = await until(async () => (await caller.transcript()).find(({ who, waterfall }) => who === 'agent' && waterfall !== null));
  expect(answer.text).toContain(salon.address);
  await caller.says('goodbye');
  await caller.end();
  const lines = await until(async () => (await caller.lines()).length >= 5 && (await caller.lines()));
  expect(lines[0]).toBe(`agent: ${greeting}`);
  expect(lines.filter((line) => line.startsWith('customer'))).toEqual(['customer: какой у вас адрес', 'customer: до свидания']);
  await caller.hears((await caller.transcript()).at(-1)?.text ?? '');
  const ended = await until(async () => {
    const call = await it.bus.call(calls.get_call, { callId: caller.callId });
    return call.state === 'ended' && call;
  });
  expect(ended).toMatchObject({ endedBy: 'system', outcome: 'answered' });
});

test('the stages of a turn follow each other, and its answer is heard when the waterfall says', async () => {
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('address');
  const { startedAt, waterfall } = await until(async () => (await caller.transcript()).find((each) => each.waterfall !== null));
  const { lastSoundAt = '', wordsAt = '', turnEndAt = '', sentenceAt = '', audioAt = '', heardAt = '' } = waterfall ?? {};
  const stages = [lastSoundAt, wordsAt, turnEndAt, sentenceAt, audioAt, heardAt].map((at) => Date.parse(at));
  expect(stages).toEqual(stages.toSorted((a, b) => a - b));
  expect(heardAt).toBe(startedAt);
  expect(stages[2]).toBeGreaterThanOrEqual((stages[0] ?? 0) + 500);
  caller.phone.hangUp();
});

test('a backchannel lets the agent go on', async () => {
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('address');
  await until(() => caller.heardBytes() > sayingOf(greeting).length + 4_000);
  await caller.says('listening');
  const whole = await until(async () => (await caller.transcript()).find((each) => each.waterfall !== null));
  expect([whole.isInterrupted, whole.text.includes(salon.address)]).toEqual([false, true]);
  caller.phone.hangUp();
  await caller.end();
});

test('a word that interrupts is answered, and what was not heard is not in the transcript', async () => {
  const caller = await calling();
  await caller.hears(greeting);
  const before = caller.heardBytes();
  await caller.says('price');
  await until(() => caller.heardBytes() > before + 24_000);
  await caller.says('wait');
  const cut = await until(async () => (await caller.transcript()).find((each) => each.isInterrupted));
  expect(slowly.some((text) => text.startsWith(cut.text) && cut.text.length < text.length)).toBe(true);
  expect(await until(async () => (await caller.lines()).includes('customer: подождите'))).toBe(true);
  caller.phone.hangUp();
  await caller.end();
});

test('a caller who asks for a person is put through to one after the agent’s word, and the turn is reported', async () => {
  let person: FarPhone | undefined;
  const frames: Uint8Array[] = [];
  dialled = (phone) => {
    phone.hear((audio) => void frames.push(audio));
    phone.ring();
    phone.answer();
    person = phone;
  };
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('person');
  const phone = await until(() => person);
  const briefing = sayingOf('Клиент просит сотрудника. Чтобы принять звонок, нажмите один. Чтобы отказаться, нажмите два.');
  await until(() => Buffer.concat(frames).includes(Buffer.from(briefing)));
  phone.press('1');
  await until(async () => (await it.bus.call(calls.get_call, { callId: caller.callId })).transferredTo === people);
  frames.length = 0;
  const hello = new Uint8Array(480).fill(3);
  await caller.phone.say(hello);
  await until(() => Buffer.concat(frames).includes(Buffer.from(hello)));
  const reported = await until(async () => {
    const [row] = await it.store.query<{ payload: object }>(
      `select payload from journal.events where event = 'calls.turn_completed' and key = $1`,
      [caller.callId],
    );
    return row;
  });
  const [, asked, ...answered] = await caller.lines();
  expect(reported.payload).toMatchObject({ n: 0, said: phrases.person.words, isInterrupted: false });
  expect(asked).toBe(`customer: ${phrases.person.words}`);
  expect(answered.map((line) => line.replace('agent: ', '')).join(' ')).toBe((reported.payload as { reply: string }).reply);
  caller.phone.hangUp();
  await until(() => phone.state === 'ended');
});

test('a caller who asks for a person before the answer of the call is stored is put through once it is', async () => {
  let person: FarPhone | undefined;
  dialled = (phone) => {
    person = phone;
  };
  const caller = await calling();
  await caller.hears(greeting);
  const store = (state: string, answeredAt: string) =>
    it.store.query(`update call_orchestrator.calls set state = $2, answered_at = ${answeredAt} where call_id = $1`, [caller.callId, state]);
  await until(async () => (await it.bus.call(calls.get_call, { callId: caller.callId })).state === 'answered');
  await store('ringing', 'null');
  await caller.says('person');
  await until(async () => (await caller.lines()).length > 2);
  await store('answered', 'now()');
  await until(() => person);
  caller.phone.hangUp();
  await caller.end();
});

test('a person who takes over the call speaks with the customer, and the agent is silent from then on', async () => {
  const caller = await calling();
  await caller.hears(greeting);
  await caller.says('price');
  await until(async () => slowly.length > 0);
  let supervisor: FarPhone | undefined;
  dialled = (phone) => {
    phone.ring();
    phone.answer();
    supervisor = phone;
  };
  // The agent hears the caller before the call is stored as answered.
  await until(async () => (await it.bus.call(calls.get_call, { callId: caller.callId })).state === 'answered');
  await it.bus.call(calls.transfer_call, { callId: caller.callId, to: '+79995550077', mode: 'attended', summary: 'Спрашивает цену.' });
  const person = await until(() => supervisor);
  await until(() => person.state === 'talking');
  await until(async () => {
    // Keys are read once the summary begins.
    person.press('1');
    return (await it.bus.call(calls.get_call, { callId: caller.callId })).transferredTo === '+79995550077';
  });
  const said = (await caller.transcript()).length;
  const heard: Uint8Array[] = [];
  person.hear((audio) => void heard.push(audio));
  await caller.says('address');
  await until(() => Buffer.concat(heard).includes(Buffer.from(spoken('address').subarray(800, 1_600))));
  const before = caller.heardBytes();
  await person.say(spoken('goodbye'));
  await until(() => caller.heardBytes() >= before + spoken('goodbye').length);
  expect(await caller.transcript()).toHaveLength(said);
  caller.phone.hangUp();
  await caller.end();
});

test('a sentence during which the recogniser fell silent is heard by the next one and answered, and not asked for again', async () => {
  const caller = await calling();
  await caller.hears(greeting);
  isSilent = true;
  await caller.says('address');
  const answer = await until(async () => (await caller.transcript()).find((each) => each.waterfall !== null));
  expect(answer.text).toContain(salon.address);
  expect(await caller.lines()).not.toContainEqual(expect.stringContaining('расслышала'));
  caller.phone.hangUp();
  await caller.end();
});
