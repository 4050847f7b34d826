/** Tests that every ear must pass; each adapter's test supplies speech that its ear should recognize. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { rateHz } from '../../media/audio/g711.ts';
import type { Ear, HeardItem, HearOptions, SpokenItem } from './port.ts';

export interface EarUnderTest {
  readonly ear: Ear;
  readonly options: HearOptions;
  /** Two utterances, as G.711, without silence around them. */
  readonly spoken: readonly [first: SpokenText, second: SpokenText];
  stop?(): Promise<void>;
}
export interface SpokenText {
  readonly audio: Uint8Array;
  readonly text: string;
}

const pause = (ms: number): Uint8Array => new Uint8Array((ms * rateHz) / 1_000).fill(0xff);
export async function itemsOf<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
/** Splits audio into frames as sent by a phone. */
export function* inFrames(...parts: readonly Uint8Array[]): Generator<Uint8Array> {
  const all = Buffer.concat(parts);
  for (let at = 0; at < all.length; at += 160) yield all.subarray(at, at + 160);
}

export function earConformance(name: string, make: () => Promise<EarUnderTest>): void {
  describe(`${name} is an ear`, () => {
    const made = make();
    afterAll(async () => (await made).stop?.());
    const signal = AbortSignal.timeout(120_000);
    const hear = async (...spoken: readonly SpokenItem[]): Promise<readonly HeardItem[]> => {
      const { ear, options } = await made;
      const items = await itemsOf(
        ear.hear(
          (async function* () {
            yield* spoken;
          })(),
          options,
          signal,
        ),
      );
      return items.filter(({ kind }) => kind !== 'alive');
    };

    test('what was said before a request for the final is its text, at the time when it was said', async () => {
      const { audio, text } = (await made).spoken[0];
      const heard = await hear(...inFrames(pause(500), audio), { finalize: true });
      expect(heard.slice(-2)).toEqual([expect.objectContaining({ kind: 'final', text }), { kind: 'finalized' }]);
      const final = heard.at(-2);
      if (final?.kind !== 'final') throw new TypeError('no final');
      expect(Math.abs(final.startMs - 500)).toBeLessThan(200);
      expect(Math.abs(final.endMs - 500 - audio.length / 8)).toBeLessThan(200);
    });

    test('silence has no text, and each request for a final is answered once', async () => {
      expect(await hear(...inFrames(pause(1_500)), { finalize: true }, { finalize: true })).toEqual([
        { kind: 'finalized' },
        { kind: 'finalized' },
      ]);
    });

    test('a second utterance follows the first, and neither is reported twice', async () => {
      const [first, second] = (await made).spoken;
      const heard = await hear(...inFrames(pause(500), first.audio), { finalize: true }, ...inFrames(pause(1_000), second.audio), {
        finalize: true,
      });
      expect(heard.flatMap((item) => (item.kind === 'final' ? [item.text] : item.kind === 'finalized' ? ['.'] : []))).toEqual([
        first.text,
        '.',
        second.text,
        '.',
      ]);
    });

    test('a recording is heard as its utterances', async () => {
      const { ear, options, spoken } = await made;
      const [first, second] = spoken;
      const finals = await ear.recognize(Buffer.concat([pause(300), first.audio, pause(1_200), second.audio]), options, signal);
      expect(finals.map(({ text }) => text).join(' ')).toBe(`${first.text} ${second.text}`);
      expect(await ear.recognize(pause(2_000), options, signal)).toEqual([]);
    });

    test('a listener that leaves ends it', async () => {
      const { ear, options, spoken } = await made;
      const leaving = new AbortController();
      const endless = async function* () {
        for (;;) {
          yield* inFrames(spoken[0].audio, pause(1_000));
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const items = ear.hear(endless(), options, AbortSignal.any([leaving.signal, signal]))[Symbol.asyncIterator]();
      expect((await items.next()).done).toBe(false);
      leaving.abort();
      await items.return?.();
    });
  });
}
