import { expect, test } from '@jest/globals';
import { notifier } from './notifier.ts';

test('a wait ends on a notification during or before it, on its signal, and after its time, and reports which', async () => {
  const pause = notifier();
  pause.notify();
  pause.notify();
  expect(await pause.wait(60_000)).toBe(true);
  const waiting = pause.wait(60_000);
  pause.notify();
  expect(await waiting).toBe(true);
  expect(await pause.wait(1)).toBe(false);
  const stopping = new AbortController();
  const stopped = pause.wait(60_000, stopping.signal);
  stopping.abort();
  expect(await stopped).toBe(false);
  expect(await pause.wait(60_000, stopping.signal)).toBe(false);
});
