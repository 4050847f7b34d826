import { expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { createTalkLine, type LineEvent } from './talk-line.ts';
import type { TalkParts } from './talk-parts.ts';

test.each([
  { staff: 'there', outcome: 'a person is called', isStaffAway: false, called: ['a person'], kind: 'transferred' },
  { staff: 'away', outcome: 'nobody is called', isStaffAway: true, called: [], kind: 'transfer_failed' },
])('$outcome for a customer who is handed over while staff is $staff', async ({ isStaffAway, called, kind }) => {
  const done: string[] = [];
  const { promise, resolve } = Promise.withResolvers<LineEvent>();
  const parts = {
    ...{ bus: {}, log: quiet, now: Date.now, language: 'ru-RU', voice: undefined, answered: undefined },
    ...{ note: async () => {}, completed: async () => {} },
    async transfer() {
      done.push('a person');
      return true;
    },
  } as unknown as TalkParts;
  const { signal } = new AbortController();
  const line = createTalkLine({ callId: 'call', legId: 'leg' }, parts, { give: resolve, spoken() {} }, { until: signal, signal });
  line.transfer(isStaffAway);
  expect([(await promise).kind, done]).toEqual([kind, called]);
  await line.close();
});
