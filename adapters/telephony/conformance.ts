/** What every telephony adapter must do. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { isPolybError } from '../../contracts/errors.ts';
import type { Database } from '../deps.ts';
import type { LegChange, Telephony } from './port.ts';

export interface Subject {
  readonly telephony: Telephony;
  /** Phones of all calls that the gateway has placed. */
  placed(): Promise<readonly string[]>;
  /** A phone that the gateway refuses to call. */
  readonly refused: string;
  /** Where legs are followed. */
  readonly db?: Database;
  close(): Promise<void>;
}
const phone = '+79995553322';
const signal = AbortSignal.timeout(60_000);

export function telephonyConformance(name: string, setup: () => Promise<Subject>): void {
  describe(`${name} as telephony`, () => {
    let opened: Subject[] = [];
    const open = async () => {
      const subject = await setup();
      opened.push(subject);
      return subject;
    };
    afterEach(async () => {
      await Promise.all(opened.map(({ close }) => close()));
      opened = [];
    });

    test('a dialled phone is rung once, and the answer says whether the end will be told', async () => {
      const { telephony, placed } = await open();
      const leg = await telephony.dial.attempt({ callId: 'call_1', phoneNumber: phone }, { ref: 'r1', signal });
      expect(leg).toEqual({ legId: expect.stringMatching(/^.{1,64}$/), reportsEnd: telephony.reportsEnd });
      expect(await placed()).toHaveLength(1);
    });

    test('a definite refusal rings nobody and says so', async () => {
      const { telephony, placed, refused } = await open();
      const error = await telephony.dial.attempt({ callId: 'call_1', phoneNumber: refused }, { ref: 'r1', signal }).catch((e) => e);
      expect(error).toMatchObject({ code: 'failed_precondition', reason: 'gateway_refused', outcome: 'not_executed' });
      expect(await placed()).toEqual([]);
    });

    test('what cannot be looked up is left to a person', async () => {
      const { telephony } = await open();
      expect(telephony.dial.onUnknown.do === 'look_up' || !telephony.legs).toBe(true);
    });

    test('a call is found by its reference, and one that was not placed is not', async () => {
      const { telephony } = await open();
      const { onUnknown } = telephony.dial;
      if (onUnknown.do !== 'look_up') return;
      const leg = await telephony.dial.attempt({ callId: 'call_1', phoneNumber: phone }, { ref: 'r1', signal });
      expect(await onUnknown.find('r1', signal)).toEqual(leg);
      expect(await onUnknown.find('r2', signal)).toBeNull();
    });

    test('a reference used again, even at the same time, rings once', async () => {
      const { telephony, placed } = await open();
      if (telephony.dial.onUnknown.do !== 'look_up' || telephony.dial.onUnknown.settleMs > 0) return;
      const tries = Array.from({ length: 5 }, () =>
        telephony.dial.attempt({ callId: 'call_1', phoneNumber: phone }, { ref: 'r1', signal }),
      );
      expect(new Set((await Promise.all(tries)).map(({ legId }) => legId)).size).toBe(1);
      expect(await placed()).toHaveLength(1);
    });

    test('what the gateway cannot do with a leg it refuses by name', async () => {
      const { telephony } = await open();
      for (const act of [telephony.hangUp('no_such_leg', signal), telephony.transfer('no_such_leg', phone, signal)]) {
        const error = await act.then(
          () => null,
          (thrown: unknown) => thrown,
        );
        expect(isPolybError(error) && error.code).toBe(telephony.legs ? 'not_found' : 'unimplemented');
      }
    });

    test('followers at the same time are told each change of each leg once, and of one leg in order', async () => {
      const { telephony, db } = await open();
      if (!telephony.legs || !db) return;
      const { legs } = telephony;
      const calls = Array.from({ length: 20 }, (_, n) => `call_${n}`);
      await Promise.all(calls.map((callId) => telephony.dial.attempt({ callId, phoneNumber: phone }, { ref: callId, signal })));
      const told: LegChange[] = [];
      const follow = async () => {
        for (;;) {
          const { changes, nextAt } = await db.transaction((tx) => legs.due(tx, Date.now(), 7));
          told.push(...changes);
          if (nextAt === null) return;
        }
      };
      await Promise.all([follow(), follow(), follow()]);
      for (const callId of calls)
        expect(told.filter((change) => change.callId === callId).map(({ state, outcome }) => [state, outcome])).toEqual([
          ['ringing', null],
          ['answered', null],
          ['ended', 'answered'],
        ]);
    });
  });
}
