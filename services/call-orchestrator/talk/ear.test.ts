import { expect, test } from '@jest/globals';
import type { Bus } from '../../../bus/service.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { until } from '../../../test/kit/until.ts';
import { createEar } from './ear.ts';

type Up = Uint8Array | { readonly finalize: true } | { readonly expects: readonly string[] };
/** A recogniser that takes every byte as a word and breaks off once at `breaksAt`. */
function ears(breaksAt: number) {
  const events: string[] = [];
  const over = new AbortController();
  let opened = 0;
  const open = async function* (_stream: unknown, _input: unknown, up: AsyncIterable<Up>) {
    opened += 1;
    for await (const item of up) {
      if ('expects' in item) {
        events.push(`expects ${item.expects.join()}`);
        continue;
      }
      if (!(item instanceof Uint8Array)) {
        yield { kind: 'finalized' };
        continue;
      }
      for (const word of item) {
        if (word === breaksAt && opened === 1) throw new Error('deaf');
        yield { kind: 'final', text: String(word) };
      }
    }
  };
  const ear = createEar(
    {
      bus: { open: open as unknown as Bus['open'] }, // The one stream that an ear opens.
      log: quiet,
      language: 'ru-RU',
      heard: (segment, text) => void events.push(`${segment}: ${text}`),
      heardAnew: (segment) => void events.push(`${segment} anew`),
      startsOver: (segment) => void events.push(`${segment} starts over`),
      finalized: (segment) => void events.push(`${segment} is final`),
    },
    over.signal,
  );
  /** Parts of 100 ms whose first byte is a word each. */
  const says = (...words: readonly number[]): void => {
    for (const word of words) ear.hear(Uint8Array.from({ length: 800 }, () => word));
  };
  return { ear, says, events: () => events.filter((event, n) => event !== events[n - 1]), close: () => over.abort() };
}

test('a sentence in which the recogniser breaks off is heard from its beginning by the next one, and the words before are void', async () => {
  const { ear, says, events, close } = ears(3);
  ear.begin(0);
  says(1, 2);
  await until(() => events().includes('0: 2'));
  says(3);
  await until(() => events().includes('0 anew'));
  says(4);
  ear.end();
  await until(() => events().includes('0 is final'));
  expect(events()).toEqual(['0: 1', '0: 2', '0 starts over', '0 anew', '0: 1', '0: 2', '0: 3', '0: 4', '0 is final']);
  close();
});

test('a sentence of which the first recogniser heard nothing is heard once', async () => {
  const { ear, says, events, close } = ears(1);
  ear.begin(0);
  says(1, 2);
  ear.end();
  await until(() => events().includes('0 is final'));
  expect(events()).toEqual(['0 starts over', '0: 1', '0: 2', '0 is final']);
  close();
});

test('the judgement of a recogniser that judges turns comes with its finals and partials', async () => {
  const heard: unknown[] = [];
  const over = new AbortController();
  const open = async function* (_stream: unknown, _input: unknown, up: AsyncIterable<Up>) {
    yield { kind: 'partial', text: 'запишите' };
    yield { kind: 'partial', text: 'запишите меня', endOfTurn: 0.6 };
    yield { kind: 'final', text: 'запишите меня', endOfTurn: 0.2 };
    yield { kind: 'final', text: 'на завтра' };
    for await (const _ of up);
  };
  const ear = createEar(
    {
      bus: { open: open as unknown as Bus['open'] }, // The one stream that an ear opens.
      ...{ log: quiet, language: 'ru-RU', heardAnew: () => {}, startsOver: () => {}, finalized: () => {} },
      heard: (...item) => void heard.push(item),
    },
    over.signal,
  );
  ear.begin(0);
  await until(() => heard.length === 4);
  over.abort();
  ear.close();
  expect(heard).toEqual([
    [0, 'запишите', false, null],
    [0, 'запишите меня', false, 0.6],
    [0, 'запишите меня', true, 0.2],
    [0, 'на завтра', true, null],
  ]);
});

test('what is expected is sent once, and again to the next recogniser', async () => {
  const { ear, says, events, close } = ears(3);
  ear.expect(['phone']);
  ear.expect(['phone']);
  ear.begin(0);
  says(1);
  await until(() => events().includes('0: 1'));
  says(3);
  ear.end();
  await until(() => events().includes('0 is final'));
  ear.expect([]);
  await until(() => events().at(-1) === 'expects ');
  expect(events().filter((event) => event.startsWith('expects'))).toEqual(['expects phone', 'expects phone', 'expects ']);
  close();
});
