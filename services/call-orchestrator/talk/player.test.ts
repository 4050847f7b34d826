import { expect, test } from '@jest/globals';
import { createPlayer } from './player.ts';

/** A leg that plays what it is sent, and a player on the test's clock. */
function playing() {
  const sent: { readonly id: string; readonly audio: Uint8Array }[] = [];
  const reports: (readonly [utterance: number, ms: number, isWhole: boolean])[] = [];
  const starts: number[] = [];
  const clock = { now: 1_000 };
  let clears = 0;
  const player = createPlayer({
    now: () => clock.now,
    leg: {
      say(item) {
        if ('audio' in item) sent.push(item);
        else if ('clear' in item) clears += 1;
      },
    },
    played(utterance, { ms, startedAt, isWhole }) {
      reports.push([utterance, ms, isWhole]);
      starts.push(startedAt);
    },
  });
  return { player, sent, reports, starts, clock, clears: () => clears };
}
/** `ms` of sound with silence where a word ends. */
const words = (ms: number, silentFrom = ms): Uint8Array =>
  Uint8Array.from({ length: ms * 8 }, (_, at) => (at >= silentFrom * 8 && at < (silentFrom + 60) * 8 ? 0xff : 0x20));

test('utterances are heard one after the other, whole chunks at a time, and each is reported when its end was heard', () => {
  const { player, sent, reports } = playing();
  player.begin(1);
  player.begin(2);
  player.add(2, words(200));
  player.end(2);
  player.add(1, words(300));
  expect(sent.map(({ id }) => id)).toEqual(['1.0']);
  player.end(1);
  expect(sent.map(({ id }) => id)).toEqual(['1.0', '1.1600', '2.0']);
  player.heard('1.0', 200);
  player.heard('1.1600', 100);
  player.heard('2.0', 200);
  expect(reports).toEqual([
    [1, 200, false],
    [1, 300, true],
    [2, 200, true],
  ]);
});

test('an utterance begins with its first sound, and a chunk is reported when its last frame leaves', () => {
  const { player, starts, clock } = playing();
  player.begin(1);
  player.add(1, words(1_000, 0));
  player.end(1);
  player.heard('1.0', 200);
  clock.now += 200;
  player.heard('1.1600', 200);
  expect(starts).toEqual([1_000 - 180 + 60, 1_000 - 180 + 60]);
});

test('a report that was held up does not move the begin of an utterance, once the next one has come', () => {
  const { player, starts, clock } = playing();
  player.begin(1);
  player.add(1, words(1_000));
  player.end(1);
  clock.now = 1_000 + 180 + 130;
  player.heard('1.0', 200);
  clock.now = 1_000 + 380;
  player.heard('1.1600', 200);
  clock.now = 1_000 + 580 + 70;
  player.heard('1.3200', 200);
  expect(starts).toEqual([1_130, 1_000, 1_000]);
});

test('utterances whose reports arrive together, after a stall, begin one after the other', () => {
  const { player, starts, clock } = playing();
  for (const [id, ms] of [
    [1, 200],
    [2, 600],
  ] as const) {
    player.begin(id);
    player.add(id, words(ms));
    player.end(id);
  }
  clock.now = 2_000;
  for (const chunk of ['1.0', '2.0', '2.1600', '2.3200']) player.heard(chunk, 200);
  expect(starts).toEqual([1_820, 2_020, 2_020, 2_020]);
});

test.each([1_601, 1_603, 1_607])('an utterance of %d bytes ends, although its milliseconds are whole numbers', (bytes) => {
  const { player, reports } = playing();
  player.begin(1);
  player.add(1, new Uint8Array(bytes));
  player.end(1);
  player.heard('1.0', 200);
  player.heard('1.1600', Math.round((bytes - 1_600) / 8));
  expect(reports.at(-1)?.[2]).toBe(true);
});

test('what was stopped goes on from the begin of the word, and what follows it comes after it', () => {
  const { player, sent, clears } = playing();
  player.begin(1);
  player.add(1, words(1_000, 500));
  player.end(1);
  player.begin(2);
  player.add(2, words(200));
  player.end(2);
  for (const from of [0, 1600, 3200]) player.heard(`1.${from}`, 200);
  player.pause();
  expect(clears()).toBe(1);
  sent.length = 0;
  player.add(2, words(200));
  expect(sent).toEqual([]);
  player.resume();
  const from = Number(sent[0]?.id.split('.')[1]) / 8;
  expect(from).toBeGreaterThanOrEqual(490);
  expect(from).toBeLessThan(560);
  expect(sent.map(({ id }) => id.split('.')[0]).at(-1)).toBe('2');
});

test('a hushed utterance takes no more audio', () => {
  const { player, sent, reports } = playing();
  player.begin(1);
  player.hush();
  player.add(1, words(400));
  player.end(1);
  player.heard('1.0', 200);
  expect([sent, reports]).toEqual([[], []]);
});

test('a long speech is sent as it is heard', () => {
  const { player, sent } = playing();
  player.begin(1);
  player.add(1, words(60_000));
  player.end(1);
  const ahead = sent.length;
  expect(ahead * 200).toBeLessThanOrEqual(4_200);
  player.heard('1.0', 200);
  expect(sent.length).toBe(ahead + 1);
});
