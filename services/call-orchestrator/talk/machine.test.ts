import { expect, test } from '@jest/globals';
import type { Expected } from './end-of-turn.ts';
import { type CustomerSpeech, runTalk, type Scene } from './fixture.ts';
import { createTalk, type TalkEvent } from './machine.ts';
import { russianRules } from './rules.ts';

const { greeting, reason, mailbox, askAgain, filler, areYouThere, nobodyHeard, trouble, tooLong } = russianRules;
/** When the greeting, which begins at 50 ms, has been said. */
const greeted = 50 + greeting.length * 60;
const story = 'Мы работаем каждый день с десяти утра до девяти вечера, без перерыва и выходных.';
/** The customer asks at `greeted + 500` for a second, and gets the story. */
const asks = { at: greeted + 500, ms: 1_000, words: 'когда вы работаете' };
const turnEnd = asks.at + asks.ms + russianRules.silenceMs;
const storyBegins = turnEnd + 100 + 50;
const tellsStory: Scene = { dialog: (_message, nth) => ({ sentences: [nth === 1 ? story : 'Слушаю вас.'] }), untilMs: 16_000 };
const storyThen = (over: NonNullable<Scene['customer']>[number], more: Scene = {}) =>
  runTalk({ ...tellsStory, customer: [asks, over], ...more });

test('an answer begins as soon as the silence timer, the dialog and the voice allow', () => {
  const { heard, asked, entries } = storyThen({ at: 15_000, ms: 100, words: null });
  expect(asked).toEqual([{ at: turnEnd, message: 'когда вы работаете' }]);
  expect(heard.map(({ text, from }) => [text, from])).toEqual([
    [greeting, 50],
    [story, storyBegins],
  ]);
  expect(entries.find(({ text }) => text === story)?.waterfall).toEqual({
    lastSoundAt: asks.at + 1_000,
    wordsAt: asks.at + 1_350,
    turnEndAt: turnEnd,
    sentenceAt: turnEnd + 100,
    audioAt: storyBegins,
    heardAt: storyBegins,
  });
});

test.each(['угу', 'да-да', 'ага, понятно'])('«%s» over the agent is a backchannel: it goes on where it stopped', (words) => {
  const { heard, asked, transcript } = storyThen({ at: storyBegins + 1_000, ms: 300, words });
  expect(asked).toHaveLength(1);
  const parts = heard.filter(({ text }) => text === story);
  expect(parts).toHaveLength(2);
  expect(parts.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(story.length * 60);
  expect(transcript).toContain(`agent: ${story}`);
});

test.each(['подождите', 'стоп', 'сколько', 'нет', 'а можно мне на завтра'])(
  '«%s» interrupts, and the history ends with what was heard',
  (words) => {
    const { asked, dropped, transcript, heard } = storyThen({ at: storyBegins + 1_000, ms: 400, words });
    expect(asked.map(({ message }) => message)).toEqual(['когда вы работаете', words]);
    expect(dropped).toEqual([{ answer: 1, sentences: 0 }]);
    const said = transcript.find((line) => line.endsWith('…')) ?? '';
    expect(story.startsWith(said.slice('agent: '.length, -1))).toBe(true);
    expect(said.length).toBeGreaterThan('agent: Мы'.length);
    expect(said.length).toBeLessThan(40);
    expect(heard.filter(({ text }) => text === story)).toHaveLength(1);
    expect(transcript.slice(-2)).toEqual([`customer: ${words}`, 'agent: Слушаю вас.']);
  },
);

test('the agent is silent as soon as the customer speaks, before any word is known', () => {
  const over = { at: storyBegins + 1_000, ms: 2_000, words: 'у меня другой вопрос' };
  const { heard } = storyThen(over);
  expect(heard.find(({ text }) => text === story)?.to).toBe(over.at + 60);
});

test('words that come early interrupt before the customer has finished', () => {
  const over = { at: storyBegins + 1_000, ms: 3_000, words: 'подождите я не понял', partials: [{ after: 500, words: 'подождите' }] };
  expect(storyThen(over).dropped).toHaveLength(1);
});

test('a cough pauses the agent, and it goes on', () => {
  const { asked, transcript } = storyThen({ at: storyBegins + 1_000, ms: 200, words: null });
  expect(asked).toHaveLength(1);
  expect(transcript).toContain(`agent: ${story}`);
  expect(transcript.join()).not.toContain(askAgain);
});

test('a sentence that was paused ends when its last word was heard', () => {
  const { heard, entries } = storyThen({ at: storyBegins + 1_000, ms: 200, words: null });
  const { startedAt, endedAt = 0 } = entries.find(({ text }) => text === story) ?? {};
  expect(startedAt).toBe(storyBegins);
  expect(Math.abs(endedAt - (heard.at(-1)?.to ?? 0))).toBeLessThan(100);
});

test('a question over the agent whose words come late, when it has gone on, stops it all the same', () => {
  const over = { at: storyBegins + 1_000, ms: 800, words: 'сколько стоит стрижка', finalAfterMs: 1_300 };
  const { asked, transcript, heard } = storyThen(over);
  expect(heard.filter(({ text }) => text === story)).toHaveLength(2);
  expect(asked.map(({ message }) => message)).toEqual(['когда вы работаете', over.words]);
  expect(transcript.slice(-2)).toEqual([`customer: ${over.words}`, 'agent: Слушаю вас.']);
});

test('a backchannel whose word comes late asks for nothing', () => {
  const { asked, heard } = storyThen({ at: storyBegins + 1_000, ms: 300, words: 'угу', finalAfterMs: 1_300 });
  expect(asked).toHaveLength(1);
  expect(heard.filter(({ text }) => text === story).at(-1)?.to).toBeGreaterThan(storyBegins + story.length * 60);
});

test('a noise whose words never come pauses the agent for a limited time', () => {
  const { heard } = storyThen({ at: storyBegins + 1_000, ms: 200, words: null, finalAfterMs: Number.POSITIVE_INFINITY });
  const [first, second] = heard.filter(({ text }) => text === story);
  expect((second?.from ?? 0) - (first?.to ?? 0)).toBeLessThanOrEqual(200 + russianRules.decideMs);
});

test('a greeting with its notice is said whole, whatever the customer says, and only once', () => {
  const { heard, asked } = runTalk({ customer: [{ at: 500, ms: 300, words: 'алло' }], untilMs: greeted + 3_000 });
  expect(heard).toEqual([{ text: greeting, from: 50, to: greeted }]);
  expect(asked).toEqual([]);
});

test('a question during the greeting is answered after it', () => {
  const { asked, heard } = runTalk({ customer: [{ at: 500, ms: 1_000, words: 'сколько стоит стрижка' }], untilMs: greeted + 3_000 });
  expect(asked).toHaveLength(1);
  expect(heard.map(({ text }) => text)).toEqual([greeting, 'Хорошо.']);
});

test('a person who was called is greeted after their first word, or after a moment without one', () => {
  const called = (customer: readonly CustomerSpeech[]) => runTalk({ direction: 'out', customer, untilMs: 4_000 }).heard;
  expect(called([{ at: 300, ms: 400, words: 'алло' }])).toMatchObject([{ text: greeting, from: 300 + 400 + 200 + 50 }]);
  expect(called([])).toMatchObject([{ text: greeting, from: russianRules.firstWordMs + 50 }]);
});

test('a pause inside a number ends no turn', () => {
  const says = [
    { at: greeted + 500, ms: 1_000, words: 'мой номер' },
    { at: greeted + 2_500, ms: 1_000, words: 'девятьсот 12' },
    { at: greeted + 4_600, ms: 1_000, words: '34 56' },
  ];
  const { asked } = runTalk({ customer: says, untilMs: greeted + 9_000 });
  expect(asked.map(({ message }) => message)).toEqual(['мой номер девятьсот 12 34 56']);
});

test('a pause inside an unsolicited phone in words does not end the turn', () => {
  const says = [
    { at: greeted + 500, ms: 1_000, words: 'перезвоните восемь девятьсот' },
    { at: greeted + 2_600, ms: 1_000, words: 'девяносто девять сто двадцать три' },
    { at: greeted + 4_700, ms: 1_000, words: 'сорок пять шестьдесят семь' },
  ];
  const { asked } = runTalk({ customer: says, untilMs: greeted + 9_000 });
  expect(asked).toEqual([{ at: greeted + 5_700 + russianRules.silenceMs, message: says.map(({ words }) => words).join(' ') }]);
});

test('of an amount that was interrupted as it was said nothing is in the history, and the words before it are', () => {
  const price = 'Стрижка стоит 12 345 ₽ и длится час.';
  const interrupts = { at: storyBegins + 1_600, ms: 400, words: 'подождите' };
  const { transcript } = runTalk({ ...tellsStory, dialog: () => ({ sentences: [price] }), customer: [asks, interrupts] });
  expect(transcript).toContain('agent: Стрижка стоит…');
});

const { silenceMs, dictationMs } = russianRules;
test.each<[readonly Expected[], string, number]>([
  [['name'], 'Анна', dictationMs],
  [['phone'], 'девятьсот двенадцать', dictationMs],
  [['phone'], 'восемь 912 345 67 89', silenceMs],
  [['time'], 'в пятницу', silenceMs],
  [[], 'мне нужно на', dictationMs],
  [[], 'запишите телефон восемь девятьсот', dictationMs],
])('when %j is expected, a turn of the words «%s» ends %d ms after the last sound', (expects, words, after) => {
  const said = 'Слушаю вас.';
  const told = { at: storyBegins + said.length * 60 + 500, ms: 600, words };
  const { asked } = runTalk({ customer: [asks, told], dialog: () => ({ sentences: [said], expects }), untilMs: told.at + 3_000 });
  expect(asked[1]).toEqual({ at: told.at + told.ms + after, message: words });
});

test('a phone whose halves are further apart than any silence is two turns, and the second ends with its last digit', () => {
  const [half, rest] = ['восемь девятьсот шестнадцать', 'сто двадцать три сорок пять шестьдесят семь'];
  const goOn = 'Слушаю дальше.';
  const tellsHalf = { at: storyBegins + 2_000, ms: 1_500, words: half };
  const tellsRest = { at: tellsHalf.at + tellsHalf.ms + dictationMs + 4_000, ms: 2_000, words: rest };
  const { asked, heard } = runTalk({
    customer: [asks, tellsHalf, tellsRest],
    dialog: (message) =>
      message === half
        ? { sentences: [goOn], expects: ['phone'], dictated: '8916' }
        : { sentences: [message === rest ? 'Спасибо.' : 'Ваш номер?'], expects: ['phone'] },
    untilMs: tellsRest.at + 5_000,
  });
  expect(asked.slice(1)).toEqual([
    { at: tellsHalf.at + tellsHalf.ms + dictationMs, message: half },
    { at: tellsRest.at + tellsRest.ms + silenceMs, message: rest },
  ]);
  expect(heard.map(({ text }) => text).slice(-2)).toEqual([goOn, 'Спасибо.']);
});

test('the silence becomes longer for a customer who pauses longer, and not without bound', () => {
  const slow = [
    { at: greeted + 500, ms: 1_000, words: 'у меня такой' },
    { at: greeted + 500 + 1_000 + 430, ms: 1_000, words: 'вопрос такой' },
    { at: greeted + 7_000, ms: 1_000, words: 'и другой вопрос' },
  ];
  const ends = (learnsSilence: boolean) =>
    runTalk({ customer: slow, rules: { learnsSilence }, untilMs: greeted + 11_000 }).asked.map(({ at }) => at - greeted);
  expect(ends(false)).toEqual([2_930 + silenceMs, 8_000 + silenceMs]);
  expect(ends(true)).toEqual([2_930 + 530, 8_000 + 530]);
  const [first, second] = slow as [CustomerSpeech, CustomerSpeech];
  const slower = [first, { ...second, at: first.at + first.ms + 620 }, { ...second, at: greeted + 7_000 }];
  const last = runTalk({ customer: slower, rules: { silenceMs: 300 }, untilMs: greeted + 11_000 }).asked.at(-1);
  expect(last?.at).toBe(greeted + 8_000 + 2 * 300);
});

test('the silence after speech that sounds unfinished, or is judged so by the recogniser, is longer, and begins with the last sound', () => {
  const turnEndsAt = (sounding: number | null, judged: number | null): number => {
    const talk = createTalk(russianRules);
    const wake = (now: number, event: TalkEvent) => talk.give(event, now).findLast(({ order }) => order === 'wake');
    wake(0, { kind: 'started', direction: 'in' });
    wake(2_900, { kind: 'played', utterance: 1, ms: 2_800, startedAt: 100, isWhole: true });
    wake(3_060, { kind: 'speech_started', segment: 0, at: 3_000 });
    wake(4_200, { kind: 'speech_stopped', segment: 0, at: 4_000, sounding });
    wake(4_300, { kind: 'final', segment: 0, text: 'запишите меня на завтра', judged });
    const order = wake(4_310, { kind: 'finalized', segment: 0 });
    return order?.order === 'wake' ? (order.at ?? 0) : 0;
  };
  expect([null, 1, 0].map((sounding) => Math.round(turnEndsAt(sounding, null)))).toEqual([4_500, 4_500, 4_700]);
  expect([0, 1].map((judged) => Math.round(turnEndsAt(0, judged)))).toEqual([5_000, 4_400]);
});

test('a sound just before the end of a turn puts it off for a moment, and no sound does so for ever', () => {
  const talk = createTalk(russianRules);
  const at = (now: number, event: TalkEvent) => talk.give(event, now).map(({ order }) => order);
  at(0, { kind: 'started', direction: 'in' });
  at(2_900, { kind: 'played', utterance: 1, ms: 2_800, startedAt: 100, isWhole: true });
  at(3_060, { kind: 'speech_started', segment: 0, at: 3_000 });
  at(4_200, { kind: 'speech_stopped', segment: 0, at: 4_000 });
  at(4_300, { kind: 'final', segment: 0, text: 'когда вы работаете' });
  at(4_300, { kind: 'finalized', segment: 0 });
  at(4_490, { kind: 'stirred' });
  expect(at(4_500, { kind: 'woken' })).not.toContain('ask');
  for (let now = 4_510; now < 4_800; now += 20) at(now, { kind: 'stirred' });
  expect(at(4_800, { kind: 'woken' })).toContain('ask');
});

test('words much quieter than the customer’s are for somebody else, and do not interrupt unless they stop', () => {
  const spoken = (words: string, db: number) =>
    runTalk({
      ...tellsStory,
      customer: [
        { ...asks, db: -20 },
        { at: storyBegins + 1_000, ms: 900, words, db },
      ],
    }).asked.length;
  expect([spoken('положи на стол пожалуйста', -30), spoken('положи на стол пожалуйста', -24), spoken('подождите', -30)]).toEqual([1, 2, 2]);
});

test.each([
  ['late', 'когда вы работаете', 3_000],
  ['never', null, Number.POSITIVE_INFINITY],
])('when the last words come %s, what is there is answered, once', (_when, words, finalAfterMs) => {
  const partials = [{ after: 800, words: 'когда вы' }];
  const { asked } = runTalk({ customer: [{ ...asks, words, partials, finalAfterMs }], untilMs: 20_000 });
  expect(asked).toEqual([{ at: asks.at + asks.ms + russianRules.finalMs, message: 'когда вы' }]);
});

const silent = { ...asks, finalAfterMs: 3_300 };
test('the words of a silent recogniser are waited for and answered, with one filler meanwhile', () => {
  const { asked, heard } = runTalk({ customer: [silent], untilMs: 20_000 });
  expect(asked).toEqual([{ at: asks.at + asks.ms + 3_500, message: asks.words }]);
  expect(heard.map(({ text }) => text).slice(0, 3)).toEqual([greeting, filler, 'Хорошо.']);
  expect(heard[1]?.from).toBe(asks.at + asks.ms + russianRules.finalMs + 50);
});

test('a short answer whose word comes while the filler is spoken is not taken for a sign of listening', () => {
  const { asked } = runTalk({ customer: [{ ...asks, ms: 500, words: 'да', finalAfterMs: 1_800 }], untilMs: 20_000 });
  expect(asked.map(({ message }) => message)).toEqual(['да']);
});

test('a recogniser that falls silent in the middle of a long sentence does not cut it off', () => {
  const long = { at: asks.at, ms: 5_000, words: 'запишите меня на стрижку завтра утром', finalAfterMs: 2_500 };
  const { asked } = runTalk({ customer: [{ ...long, partials: [{ after: 1_000, words: 'запишите меня' }] }], untilMs: 30_000 });
  expect(asked.map(({ message }) => message)).toEqual([long.words]);
});

test('while recognisers start over, their words are waited for, and not for ever', () => {
  const endsAt = asks.at + asks.ms;
  const second = runTalk({ customer: [{ ...asks, startsOverAfterMs: [3_200], finalAfterMs: 6_800 }], untilMs: 20_000 });
  expect(second.asked).toEqual([{ at: endsAt + 7_000, message: asks.words }]);
  const never = [1, 2, 3, 4, 5].map((nth) => nth * 3_000);
  const { asked, heard } = runTalk({ customer: [{ ...asks, startsOverAfterMs: never, finalAfterMs: Infinity }], untilMs: 25_000 });
  expect(asked).toEqual([]);
  expect(heard.map(({ text }) => text).slice(0, 3)).toEqual([greeting, filler, askAgain]);
  expect(heard[2]?.from).toBe(endsAt + russianRules.latestMs + 50);
});

test('a customer who goes on during the filler is not talked over, and both sentences are answered together', () => {
  const begins = asks.at + asks.ms + russianRules.finalMs + 300;
  const { asked, heard } = runTalk({
    customer: [
      { ...asks, finalAfterMs: 3_000 },
      { at: begins, ms: 1_500, words: 'и где вы находитесь' },
    ],
    untilMs: 25_000,
  });
  expect(heard[1]).toMatchObject({ text: filler, to: begins + 60 });
  expect(asked.map(({ message }) => message)).toEqual(['когда вы работаете и где вы находитесь']);
});

test('an interruption that a silent recogniser hears late still stops the agent', () => {
  const { asked } = storyThen({ at: storyBegins + 500, ms: 500, words: 'подождите', finalAfterMs: 3_300 });
  expect(asked.map(({ message }) => message)).toEqual(['когда вы работаете', 'подождите']);
});

test('a customer who was not understood is asked twice to repeat, then whether they are there, and at last the line hangs up', () => {
  const mumble = (at: number) => ({ at, ms: 800, words: null });
  const { heard, hungUpAt, asked } = runTalk({ customer: [mumble(6_000), mumble(12_000), mumble(18_000), mumble(19_500)] });
  expect(heard.map(({ text }) => text)).toEqual([greeting, askAgain, askAgain, areYouThere, areYouThere, nobodyHeard]);
  expect(asked).toEqual([]);
  expect(hungUpAt).toBe(heard.at(-1)?.to);
});

test('noise puts off neither the question whether the customer is there nor the end', () => {
  const noise = Array.from({ length: 200 }, (_, nth) => ({ at: 4_000 + nth * 500, ms: 200, words: null }));
  const { hungUpAt } = runTalk({ customer: noise, untilMs: 120_000 });
  expect(hungUpAt).toBeLessThan(45_000);
});

test('one filler is said while an answer takes long, and none when it comes soon', () => {
  const slow = runTalk({ customer: [asks], dialog: () => ({ sentences: ['Готово.'], afterMs: 9_000 }), untilMs: turnEnd + 12_000 });
  expect(slow.heard.map(({ text }) => text)).toEqual([greeting, filler, 'Готово.']);
  expect(slow.heard[1]?.from).toBe(turnEnd + russianRules.fillerMs + 50);
  expect(storyThen({ at: 15_000, ms: 100, words: null }).heard.map(({ text }) => text)).not.toContain(filler);
});

test('nobody is asked whether they are there while an answer is on its way', () => {
  const { heard } = runTalk({ customer: [asks], dialog: () => ({ sentences: ['Готово.'], afterMs: 30_000 }), untilMs: turnEnd + 29_000 });
  expect(heard.map(({ text }) => text)).not.toContain(areYouThere);
});

test('the line hangs up after the last frame of the last sentence', () => {
  const { heard, hungUpAt } = runTalk({ customer: [asks], dialog: () => ({ sentences: ['Записала вас.', 'До свидания!'], isLast: true }) });
  expect(heard.map(({ text }) => text).slice(1)).toEqual(['Записала вас.', 'До свидания!']);
  expect(hungUpAt).toBe(heard.at(-1)?.to);
});

test('on hold nothing is heard, asked or said, and afterwards the talk goes on', () => {
  const holds = [
    { at: storyBegins + 1_000, isHeld: true },
    { at: storyBegins + 31_000, isHeld: false },
  ];
  const noise = { at: storyBegins + 5_000, ms: 4_000, words: 'музыка играет громко' };
  const { heard, asked } = runTalk({ ...tellsStory, customer: [asks, noise], holds, untilMs: 60_000 });
  expect(asked).toHaveLength(1);
  const held = heard.filter(({ from, to }) => to > storyBegins + 1_000 && from < storyBegins + 31_000);
  expect(held).toEqual([]);
  expect(heard.filter(({ text }) => text === story).reduce((sum, { from, to }) => sum + to - from, 0)).toBe(story.length * 60);
});

test('while a person who took over has the call, the longest talk does not end it', () => {
  const holds = [{ at: storyBegins + 1_000, isHeld: true }];
  const { heard, hungUpAt } = runTalk({ ...tellsStory, customer: [asks], holds, untilMs: 2 * russianRules.maxMs });
  expect(hungUpAt).toBeNull();
  expect(heard.filter(({ from }) => from > storyBegins + 1_000)).toEqual([]);
});

test('keys are a message when # or a pause ends them, and silence the agent', () => {
  const typed = (text: string, from: number) => [...text].map((key, nth) => ({ at: from + nth * 300, key }));
  expect(runTalk({ keys: typed('15#', greeted + 500), untilMs: greeted + 3_000 }).asked.map(({ message }) => message)).toEqual(['15']);
  expect(runTalk({ keys: typed('15', greeted + 500), untilMs: greeted + 3_000 }).asked).toEqual([
    { at: greeted + 800 + russianRules.dictationMs, message: '15' },
  ]);
  const over = runTalk({ ...tellsStory, customer: [asks], keys: [{ at: storyBegins + 500, key: '1' }] });
  expect(over.heard.find(({ text }) => text === story)?.to).toBe(storyBegins + 500);
});

test('a customer who goes on while an answer is prepared is not talked over, and the answer is not given', () => {
  const goesOn = { at: turnEnd + 50, ms: 1_500, words: 'и где вы находитесь' };
  const { asked, heard } = runTalk({ ...tellsStory, customer: [asks, goesOn] });
  expect(asked.map(({ message }) => message)).toEqual(['когда вы работаете', 'и где вы находитесь']);
  expect(heard.map(({ text }) => text)).toEqual([greeting, 'Слушаю вас.']);
});

test('a dialog that fails is admitted, and the line hangs up', () => {
  const { heard, hungUpAt } = runTalk({ customer: [asks], dialog: () => ({ sentences: [], fails: true }) });
  expect(heard.at(-1)?.text).toBe(trouble);
  expect(hungUpAt).toBe(heard.at(-1)?.to);
});

test('a talk ends at its longest time, whatever is said', () => {
  const chatter = Array.from({ length: 100 }, (_, nth) => ({ at: greeted + 500 + nth * 4_000, ms: 1_000, words: 'и ещё один вопрос' }));
  const { heard, hungUpAt } = runTalk({ customer: chatter, rules: { maxMs: 60_000 }, untilMs: 100_000 });
  expect(heard.at(-1)?.text).toBe(tooLong);
  expect(hungUpAt).toBeLessThan(70_000);
});

test('entries are in order of speech, with times of one clock', () => {
  const { entries, transcript } = storyThen({ at: storyBegins + 1_000, ms: 300, words: 'угу' });
  expect(transcript).toEqual([`agent: ${greeting}`, 'customer: когда вы работаете', `agent: ${story}`, 'customer: угу']);
  for (const { startedAt, endedAt } of entries) expect(endedAt).toBeGreaterThanOrEqual(startedAt);
});

const announcement = { at: 300, ms: 6_000, words: 'оставьте сообщение после сигнала' };
test('a mailbox is not talked to; after its beep the message is left, whole, and the line hangs up', () => {
  const { heard, asked, hungUpAt } = runTalk({
    direction: 'out',
    customer: [announcement],
    answered: [
      { at: 6_700, by: 'machine' },
      { at: 9_000, by: 'beep' },
    ],
  });
  expect(asked).toEqual([]);
  expect(heard.at(-1)).toEqual({ text: mailbox, from: 9_050, to: 9_050 + mailbox.length * 60 });
  expect(hungUpAt).toBe(heard.at(-1)?.to);
});

test('a mailbox that does not beep is hung up after a while, and nobody is asked whether they are there', () => {
  const { heard, hungUpAt } = runTalk({ direction: 'out', customer: [announcement], answered: [{ at: 6_700, by: 'machine' }] });
  expect(hungUpAt).toBe(6_700 + russianRules.beepMs);
  expect(heard.map(({ text }) => text)).not.toContain(areYouThere);
});

test('a program that asks for the reason of the call hears it, and who is put through is talked to', () => {
  const { heard, asked } = runTalk({
    direction: 'out',
    customer: [
      { at: 300, ms: 4_000, words: 'я голосовой помощник абонента' },
      { at: 16_000, ms: 800, words: 'когда вы работаете' },
    ],
    answered: [{ at: 4_700, by: 'screening' }],
    untilMs: 20_000,
  });
  expect(heard.map(({ text }) => text)).toContain(reason);
  expect(asked.map(({ message }) => message)).toEqual(['когда вы работаете']);
});

test('a customer who speaks just as the agent ends is answered, and the answer is heard', () => {
  const talk = createTalk(russianRules);
  const orders = [
    { at: 0, event: { kind: 'started', direction: 'in' } },
    { at: 3_000, event: { kind: 'played', utterance: 1, ms: 2_900, startedAt: 100, isWhole: true } },
    { at: 11_000, event: { kind: 'woken' } },
    { at: 12_000, event: { kind: 'speech_started', segment: 0, at: 11_940 } },
    { at: 12_010, event: { kind: 'played', utterance: 2, ms: 900, startedAt: 11_100, isWhole: true } },
    { at: 13_200, event: { kind: 'speech_stopped', segment: 0, at: 13_000 } },
    { at: 13_300, event: { kind: 'final', segment: 0, text: 'когда вы работаете' } },
    { at: 13_300, event: { kind: 'finalized', segment: 0 } },
    { at: 13_500, event: { kind: 'woken' } },
  ] as const;
  const given = orders.flatMap(({ at, event }) => talk.give(event, at)).map(({ order }) => order);
  expect(given.filter((order) => ['say', 'pause', 'resume', 'ask'].includes(order))).toEqual(['say', 'say', 'pause', 'resume', 'ask']);
});

const handsOver = (taker: 'taken' | 'refused', customer: readonly CustomerSpeech[] = []) =>
  runTalk({
    customer: [asks, ...customer],
    dialog: (_message, nth) => ({ sentences: nth === 1 ? ['Соединяю вас с сотрудником.'] : ['Не слышно.'], handsOver: taker }),
    untilMs: 400_000,
    rules: { maxMs: 300_000 },
  });
test('a call is handed over after the last frame of the agent’s word, and a person who takes it is not talked over', () => {
  const { heard, transferredAt, hungUpAt, asked } = handsOver('taken', [{ at: storyBegins + 20_000, ms: 1_000, words: 'алло сотрудник' }]);
  expect(transferredAt).toBe(heard[1]?.to);
  expect(heard.map(({ text }) => text)).toEqual([greeting, 'Соединяю вас с сотрудником.']);
  expect([hungUpAt, asked.length]).toEqual([null, 1]);
});

test('when no person takes the call, the customer may leave a message, which goes to the dialog, and the line hangs up', () => {
  const { leaveMessage, messageTaken } = russianRules;
  const left = { at: storyBegins + 2_000 + 5_000 + leaveMessage.length * 60, ms: 2_000, words: 'перезвоните после шести' };
  const { heard, hungUpAt, asked } = handsOver('refused', [left]);
  expect(heard.map(({ text }) => text).slice(2)).toEqual([leaveMessage, messageTaken]);
  expect(asked.at(-1)?.message).toBe('перезвоните после шести');
  expect(hungUpAt).toBe(heard.at(-1)?.to);
});

test('each turn is reported once it is over, in order, with what was heard of its answer', () => {
  const { turns } = storyThen({ at: storyBegins + 1_000, ms: 400, words: 'подождите' }, { untilMs: 60_000 });
  expect(turns.map(({ said, isInterrupted }) => [said, isInterrupted])).toEqual([
    ['когда вы работаете', true],
    ['подождите', false],
  ]);
  expect(turns.map(({ reply }) => reply.split(' ')[0])).toEqual(['Мы', 'Слушаю']);
  expect(turns[0]?.endedAt).toBe(storyBegins + 1_060);
});

test('what comes during a hold is heard after it', () => {
  const holds = [
    { at: turnEnd + 50, isHeld: true },
    { at: turnEnd + 5_000, isHeld: false },
  ];
  const { heard } = runTalk({ ...tellsStory, customer: [asks], holds });
  expect(heard.filter(({ text }) => text === story)).toMatchObject([{ from: turnEnd + 5_000, to: turnEnd + 5_000 + story.length * 60 }]);
});

test('a timer that comes a moment early is set again', () => {
  const talk = createTalk(russianRules);
  const wakeIn = (orders: ReturnType<typeof talk.give>) => orders.findLast((each) => each.order === 'wake')?.at;
  const at = wakeIn(talk.give({ kind: 'started', direction: 'out' }, 0)) ?? 0;
  expect(at).toBe(russianRules.firstWordMs);
  expect(wakeIn(talk.give({ kind: 'woken' }, at - 1))).toBe(at);
});

test('words that another recogniser hears once more are in the turn once', () => {
  const talk = createTalk(russianRules);
  const orders = (events: readonly (readonly [number, TalkEvent])[]) => events.flatMap(([at, event]) => talk.give(event, at));
  orders([
    [0, { kind: 'started', direction: 'in' }],
    [50, { kind: 'voiced', utterance: 1, ms: 1_000 }],
    [1_050, { kind: 'played', utterance: 1, ms: 1_000, startedAt: 50, isWhole: true }],
    [2_000, { kind: 'speech_started', segment: 0, at: 1_940 }],
    [3_000, { kind: 'final', segment: 0, text: 'запишите меня' }],
    [3_100, { kind: 'heard_anew', segment: 0 }],
    [3_200, { kind: 'final', segment: 0, text: 'запишите меня' }],
    [4_000, { kind: 'speech_stopped', segment: 0, at: 3_900 }],
    [4_100, { kind: 'final', segment: 0, text: 'на завтра.' }],
  ]);
  expect(
    orders([
      [4_110, { kind: 'finalized', segment: 0 }],
      [6_000, { kind: 'woken' }],
    ]),
  ).toContainEqual(expect.objectContaining({ order: 'ask', message: 'запишите меня на завтра.' }));
});

test('of a sentence in which the voice broke off, the transcript has what was heard, when it was heard', () => {
  const talk = createTalk({ ...russianRules, greeting: story });
  const give = (at: number, event: TalkEvent) => talk.give(event, at);
  give(0, { kind: 'started', direction: 'in' });
  give(50, { kind: 'voiced', utterance: 1, ms: 2_000 });
  expect(give(100, { kind: 'unvoiced', utterance: 1 })).not.toContainEqual(expect.objectContaining({ order: 'note' }));
  const noted = give(2_050, { kind: 'played', utterance: 1, ms: 2_000, startedAt: 50, isWhole: true }).find(
    ({ order }) => order === 'note',
  );
  const { text, ...entry } = noted?.order === 'note' ? noted.entry : { text: '' };
  expect(entry).toMatchObject({ who: 'agent', startedAt: 50, endedAt: 2_050, isInterrupted: true });
  expect([story.startsWith(text), text.length > 10, text.length < story.length * 0.7]).toEqual([true, true, true]);
});

const eagerly: Scene = { ...tellsStory, rules: { asksEagerly: true } };

test('a dialog that is asked eagerly has its answer ready when the turn ends', () => {
  const { asked, heard, entries } = runTalk({ ...eagerly, customer: [asks] });
  expect(asked).toEqual([{ at: asks.at + 1_350, message: 'когда вы работаете', isEager: true }]);
  expect(heard.at(-1)).toMatchObject({ text: story, from: turnEnd + 50 });
  expect(entries.find(({ text }) => text === story)?.waterfall).toMatchObject({ turnEndAt: turnEnd, sentenceAt: turnEnd });
});

test('the dialog is asked while the recogniser expects the end of the turn, and not once more at the silence', () => {
  const judged = (after: number, certainty: number) => ({ after, words: asks.words, judged: certainty });
  const likely = runTalk({ ...eagerly, customer: [{ ...asks, partials: [judged(1_100, 0.6)] }] });
  expect(likely.asked).toEqual([{ at: asks.at + 1_100, message: asks.words, isEager: true }]);
  expect(likely.heard.at(-1)).toMatchObject({ text: story, from: turnEnd + 50 });
  const resumed = runTalk({ ...eagerly, customer: [{ ...asks, partials: [judged(700, 0.6), judged(900, 0)] }] });
  expect(resumed.dropped).toEqual([{ answer: 1, sentences: 0 }]);
  expect(resumed.asked.map(({ at }) => at)).toEqual([asks.at + 700, asks.at + 1_350]);
  const greeting = runTalk({ ...eagerly, direction: 'out', customer: [{ at: 300, ms: 500, words: 'алло', partials: [judged(400, 0.9)] }] });
  expect(greeting.asked).toEqual([]);
});

test('a customer who goes on discards what was asked eagerly, and is answered once, to the whole', () => {
  const goesOn = { at: asks.at + 1_400, ms: 800, words: 'по субботам' };
  const { asked, dropped, heard, turns } = runTalk({ ...eagerly, customer: [asks, goesOn], untilMs: 24_000 });
  expect(asked.map(({ message }) => message)).toEqual(['когда вы работаете', 'когда вы работаете по субботам']);
  expect(dropped).toEqual([{ answer: 1, sentences: 0 }]);
  expect(heard.filter(({ text }) => text === 'Слушаю вас.')).toHaveLength(1);
  expect(turns.map(({ said }) => said)).toEqual(['когда вы работаете по субботам']);
});

test('a cough before the end of the turn discards no eager answer', () => {
  const { asked, dropped, heard } = runTalk({ ...eagerly, customer: [asks, { at: asks.at + 1_400, ms: 100, words: null }] });
  expect({ asked: asked.length, dropped, heard: heard.at(-1)?.text }).toEqual({ asked: 1, dropped: [], heard: story });
});

test('in one turn the dialog is asked eagerly at most three times', () => {
  const words = ['запишите', 'меня', 'пожалуйста', 'если можно', 'в субботу'];
  const customer = words.map((each, nth) => ({ at: greeted + 500 + nth * 820, ms: 400, words: each }));
  const { asked } = runTalk({ ...eagerly, customer });
  expect(asked.filter(({ isEager }) => isEager)).toHaveLength(3);
  expect(asked.at(-1)).toMatchObject({ message: words.join(' ') });
});

test('over the agent nothing is asked eagerly, and a hold discards what was', () => {
  const { asked } = storyThen({ at: storyBegins + 1_000, ms: 300, words: 'угу' }, eagerly);
  expect(asked).toHaveLength(1);
  const held = runTalk({ ...eagerly, customer: [asks], holds: [{ at: asks.at + 1_400, isHeld: true }] });
  expect({ asked: held.asked.length, dropped: held.dropped }).toEqual({ asked: 1, dropped: [{ answer: 1, sentences: 0 }] });
});

test('an eager question that fails is asked again when the turn ends', () => {
  const dialog: Scene['dialog'] = (_message, nth) => (nth === 1 ? { sentences: [], fails: true, afterMs: 50 } : { sentences: [story] });
  const { asked, heard } = runTalk({ ...eagerly, dialog, customer: [asks] });
  expect(asked.map(({ at, isEager }) => [at, isEager ?? false])).toEqual([
    [asks.at + 1_350, true],
    [turnEnd, false],
  ]);
  expect(heard.at(-1)?.text).toBe(story);
});
