import { expect, test } from '@jest/globals';
import type { Bus } from '../../../bus/service.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { until } from '../../../test/kit/until.ts';
import { createVoice } from './voice.ts';

type VoiceItem = { readonly id: string; readonly text: string } | { readonly cancel: string };
/** A service that speaks 10 ms for each text, or breaks off: always at `breaksAt`, once in the middle of `stopsIn`. */
function voices({
  breaksAt,
  stopsIn,
  isAway = () => false,
  room = () => true,
}: {
  readonly breaksAt?: string;
  readonly stopsIn?: string;
  readonly isAway?: () => boolean;
  readonly room?: () => boolean;
} = {}) {
  const bytes: number[] = [];
  let stops = 1;
  const asked: VoiceItem[] = [];
  const over = new AbortController();
  const events: string[] = [];
  const open = async function* (_stream: unknown, _input: unknown, up: AsyncIterable<VoiceItem>) {
    for await (const item of up) {
      asked.push(item);
      if ('cancel' in item) continue;
      if (isAway()) throw new PolybError('unavailable', 'Nobody speaks.', { reason: 'no_responders' });
      if (item.text === breaksAt) throw new Error('hoarse');
      const speech = Uint8Array.from({ length: 80 }, (_, n) => n);
      yield { id: item.id, audio: speech.subarray(0, 30) };
      if (item.text === stopsIn && stops-- > 0) throw new Error('hoarse');
      yield { id: item.id, audio: speech.subarray(30) };
      yield { id: item.id, end: true, voice: 'anna', provider: 'test', durationMs: 10 };
    }
  };
  const voice = createVoice(
    {
      bus: { open: open as unknown as Bus['open'] }, // The one stream that a voice opens.
      log: quiet,
      language: 'ru-RU',
      voice: undefined,
      hasRoom: room,
      audio(utterance, pcmu) {
        events.push(`audio ${utterance}`);
        if (utterance === 1) bytes.push(...pcmu);
      },
      ended: (utterance, isVoiced) => void events.push(`${isVoiced ? 'spoken' : 'silent'} ${utterance}`),
    },
    over.signal,
  );
  return { voice, asked, events, bytes };
}

test('an answer of many sentences is asked for as there is room for it', async () => {
  let isFull = true;
  const { voice, asked, events } = voices({ room: () => !isFull });
  for (let n = 1; n <= 300; n += 1) voice.say(n, `sentence ${n}`);
  expect(asked).toEqual([]);
  isFull = false;
  voice.goOn();
  await until(() => events.includes('spoken 300'));
  expect(events.filter((event) => event.startsWith('spoken')).map((event) => Number(event.slice(7)))).toEqual(
    Array.from({ length: 300 }, (_, n) => n + 1),
  );
});

test('a sentence at which the voice breaks off is silent, and the next one is spoken', async () => {
  const { voice, events } = voices({ breaksAt: 'two' });
  for (const [n, text] of ['one', 'two', 'three', 'four'].entries()) voice.say(n + 1, text);
  await until(() => events.includes('spoken 4'));
  expect(events.filter((event) => /silent/.test(event))).toContain('silent 2');
  expect(events.indexOf('silent 2')).toBeLessThan(events.indexOf('spoken 4'));
});

test('a sentence in which the voice breaks off goes on where it stopped, with no sound lost or twice', async () => {
  const { voice, events, bytes } = voices({ stopsIn: 'one' });
  voice.say(1, 'one');
  voice.say(2, 'two');
  await until(() => events.includes('spoken 2'));
  expect(bytes).toEqual(Array.from({ length: 80 }, (_, n) => n));
  expect(events.filter((event) => !event.startsWith('audio'))).toEqual(['spoken 1', 'spoken 2']);
});

test('a sentence waits while no voice runs, however often it is requested', async () => {
  let refusals = 0;
  const { voice, events, bytes } = voices({ isAway: () => ++refusals < 6 });
  voice.say(1, 'one');
  await until(() => events.includes('spoken 1'));
  expect(bytes).toHaveLength(80);
});

test('what was hushed is not asked for, and its audio is not heard', async () => {
  let isFull = true;
  const { voice, asked, events } = voices({ room: () => !isFull });
  voice.say(1, 'one');
  voice.hush();
  isFull = false;
  voice.say(2, 'two');
  await until(() => events.includes('spoken 2'));
  expect(asked).toEqual([{ id: '2', text: 'two' }]);
  expect(events).not.toContain('audio 1');
});
