/** Tests that every gateway whose legs carry media must pass. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LegGateway, LegHost, LegServer } from './leg-gateway.ts';
import type { Leg, LegChange, MediaFact } from './port.ts';

/** The far end of one call. */
export interface FarCall {
  ring(): void;
  answer(): void;
  /** Refuses as busy. */
  refuse(): void;
  hangUp(): void;
  /** Whether its audio is connected. */
  isConnected(): boolean;
  /** Speaks audio, a multiple of 20 ms. */
  speak(audio: Uint8Array): void;
  press(digit: string): void;
  /** All audio heard so far. */
  heard(): Uint8Array;
  /** Whether the call is over for the far end. */
  hasEnded(): boolean;
}
export interface Network {
  readonly gateway: LegGateway;
  /** The oldest outbound call not taken yet. */
  next(): Promise<FarCall>;
  /** The number of calls requested from the network. */
  placed(): number;
  /** Makes the gateway refuse the next outbound call; absent if a refusal is the end of a leg. */
  refuseNext?(): void;
  /** Calls in; absent if the gateway has no inbound calls. */
  call?(from: string, to: string): Promise<FarCall>;
  close(): Promise<void>;
}
interface Abilities {
  readonly receivesCalls: boolean;
  readonly sendsDtmf: boolean;
  readonly transfers: boolean;
  /** Another instance can end the call of one that died; default true. */
  readonly abandons?: boolean;
}

const dial = { callId: 'call_1', to: '+79995553322' };
/** Frames of 20 ms that differ from each other and from silence. */
const tone = (frames: number, first = 1): Uint8Array =>
  Uint8Array.from({ length: frames * 160 }, (_, at) => ((first + Math.floor(at / 160)) % 120) + 1);

/** The first byte of each frame: frames of `tone` have no other. */
const framesOf = (audio: Uint8Array): readonly number[] =>
  Array.from({ length: audio.length / 160 }, (_, frame) => audio[frame * 160] ?? 0);
/** The number of expected frames missing from this order: a network may lose one on a busy machine. */
function missing(heard: readonly number[], expected: readonly number[]): number {
  let at = 0;
  let count = 0;
  for (const frame of expected) {
    const found = heard.indexOf(frame, at);
    if (found < 0) count += 1;
    else at = found + 1;
  }
  return count;
}
/** Whether any of the frames was heard. */
const includesAny = (audio: Uint8Array, frames: Uint8Array): boolean => {
  const heard = framesOf(audio);
  return framesOf(frames).some((frame) => heard.includes(frame));
};
const has = (far: FarCall, frames: Uint8Array): boolean => includesAny(far.heard(), frames);

export function legConformance(
  name: string,
  { sendsDtmf, transfers, receivesCalls, abandons = true }: Abilities,
  start: () => Promise<Network>,
): void {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
  });
  let signal: AbortSignal;
  beforeEach(() => {
    signal = AbortSignal.timeout(120_000);
  });
  async function setup() {
    const network = await start();
    const changes: LegChange[] = [];
    const offered: Leg[] = [];
    const answered: Leg[] = [];
    const facts: MediaFact[] = [];
    const heard: Uint8Array[] = [];
    const stored = new Map<string, unknown>();
    const waiting = new Set<() => void>();
    const noteworthy = (): void => {
      for (const look of waiting) look();
    };
    let inbound = 0;
    const host: LegHost = {
      changed(change) {
        changes.push(change);
        noteworthy();
      },
      offered(leg) {
        offered.push(leg);
        noteworthy();
      },
      held(leg) {
        leg.media.listen({
          frame(audio) {
            heard.push(audio);
            noteworthy();
          },
          fact(fact) {
            facts.push(fact);
            noteworthy();
          },
        });
      },
      answered(leg) {
        answered.push(leg);
        noteworthy();
      },
      identify() {
        inbound += 1;
        return { legId: `leg_in_${inbound}`, callId: `call_in_${inbound}` };
      },
      async save(legId, data) {
        stored.set(legId, data);
      },
      saved: async () => null,
    };
    const server: LegServer = await network.gateway.start(host);
    open.push({
      async close() {
        await server.close();
        await network.close();
      },
    });
    /** Waits for the condition; checked after each report, and every 10 ms for changes at the far end. */
    const comes = (condition: () => boolean, withinMs: number): Promise<boolean> =>
      new Promise((resolve) => {
        const end = (): void => {
          clearInterval(timer);
          clearTimeout(patience);
          waiting.delete(look);
        };
        const look = (): void => {
          if (!condition()) return;
          end();
          resolve(true);
        };
        const timer = setInterval(look, 10);
        const patience = setTimeout(() => {
          end();
          resolve(false);
        }, withinMs);
        waiting.add(look);
        look();
      });
    const never = (what: () => unknown): Error =>
      new Error(`never: ${what}; changes: ${JSON.stringify(changes)}; facts: ${JSON.stringify(facts)}`);
    async function holds(condition: () => boolean): Promise<void> {
      if (!(await comes(condition, 30_000))) throw never(condition);
    }
    /** Repeats a sound until it is heard: a busy machine sends frames late, and late frames are lost. */
    async function hears(condition: () => boolean, sound: (nth: number) => void): Promise<void> {
      for (let nth = 0; nth < 20; nth += 1) {
        sound(nth);
        if (await comes(condition, 1_500)) return;
      }
      throw never(condition);
    }
    const states = () => changes.map(({ state }) => state);
    async function talking(legId = 'leg_1') {
      await server.place(dial, { legId, signal });
      const far = await network.next();
      far.ring();
      far.answer();
      await holds(() => answered.some((leg) => leg.legId === legId) && far.isConnected());
      return { far, leg: server.leg(legId) as Leg };
    }
    return { network, server, changes, offered, answered, facts, heard, stored, comes, holds, hears, states, talking };
  }

  describe(`${name} carries the media of its legs`, () => {
    test('a phone rings, is answered and hangs up, and each change is reported once, in order', async () => {
      const at = await setup();
      const { far } = await at.talking();
      expect(at.answered).toHaveLength(1);
      far.hangUp();
      await at.holds(() => at.states().includes('ended'));
      expect(at.states()).toEqual(['ringing', 'answered', 'ended']);
      expect(at.changes.at(-1)).toMatchObject({
        legId: 'leg_1',
        callId: 'call_1',
        outcome: 'answered',
        hangUpCause: 'normal',
        endedBy: 'remote',
      });
      expect(at.server.leg('leg_1')).toBeUndefined();
      expect(at.network.placed()).toBe(1);
    });

    test('a busy phone ends its leg as busy, and nothing was answered', async () => {
      const at = await setup();
      await at.server.place(dial, { legId: 'leg_1', signal });
      const far = await at.network.next();
      far.refuse();
      await at.holds(() => at.states().includes('ended'));
      expect(at.changes.at(-1)).toMatchObject({ outcome: 'busy', hangUpCause: 'busy' });
      expect(at.answered).toEqual([]);
    });

    test('a refusal of the gateway is definite, where it is not the end of a leg', async () => {
      const at = await setup();
      if (at.network.refuseNext === undefined) return;
      at.network.refuseNext();
      await expect(at.server.place(dial, { legId: 'leg_1', signal })).rejects.toMatchObject({
        code: 'failed_precondition',
        reason: 'gateway_refused',
        outcome: 'not_executed',
      });
    });

    test('a leg that is ended while it rings stops ringing as cancelled', async () => {
      const at = await setup();
      await at.server.place(dial, { legId: 'leg_1', signal });
      const far = await at.network.next();
      far.ring();
      await at.holds(() => at.states().includes('ringing'));
      await at.server.leg('leg_1')?.hangUp(signal);
      await at.holds(() => far.hasEnded());
      expect(at.changes.at(-1)).toMatchObject({ state: 'ended', outcome: 'cancelled', hangUpCause: 'cancelled', endedBy: 'system' });
    });

    test('what is played is heard whole and in order, and reported as played', async () => {
      const at = await setup();
      const { far, leg } = await at.talking();
      let [attempts, from] = [0, 0];
      const lost = () => missing(framesOf(far.heard().subarray(from)), framesOf(Buffer.concat([tone(20), tone(10, 21)])));
      do {
        [attempts, from] = [attempts + 1, far.heard().length];
        at.facts.length = 0;
        leg.media.play({ id: 'one', audio: tone(20) });
        leg.media.play({ id: 'two', audio: tone(10, 21) });
        leg.media.mark('end');
        await at.holds(() => at.facts.some((fact) => 'played' in fact && fact.played === 'end'));
        expect(at.facts.filter((fact) => 'played' in fact)).toEqual([
          { played: 'one', ms: 400 },
          { played: 'two', ms: 200 },
          { played: 'end', ms: 0 },
        ]);
      } while (!(await at.comes(() => lost() <= 2, 1_500)) && attempts < 20);
      expect(lost()).toBeLessThanOrEqual(2);
    });

    test('what is cleared is not heard, and the report says how much was', async () => {
      const at = await setup();
      const { far, leg } = await at.talking();
      leg.media.play({ id: 'long', audio: tone(50) });
      leg.media.play({ id: 'never', audio: tone(50, 51) });
      await at.holds(() => far.heard().length >= 5 * 160);
      leg.media.clear();
      await at.holds(() => at.facts.filter((fact) => 'played' in fact).length === 2);
      const [long, never] = at.facts.filter((fact) => 'played' in fact);
      // The clock of the line and the far end may differ by two frames.
      expect(long?.ms).toBeGreaterThanOrEqual(60);
      expect(long?.ms).toBeLessThan(1000);
      expect(never).toEqual({ played: 'never', ms: 0 });
      await at.hears(
        () => has(far, tone(5, 101)),
        (nth) => leg.media.play({ id: `fresh ${nth}`, audio: tone(5, 101) }),
      );
      expect(has(far, tone(1, 51))).toBe(false);
    });

    test('what the phone says is heard, and its keys are reported once each', async () => {
      const at = await setup();
      const { far } = await at.talking();
      await at.hears(
        () => includesAny(Buffer.concat(at.heard), tone(10)),
        () => far.speak(tone(10)),
      );
      far.press('5');
      far.press('#');
      await at.holds(() => at.facts.filter((fact) => 'dtmf' in fact).length === 2);
      expect(at.facts.filter((fact) => 'dtmf' in fact)).toEqual([{ dtmf: '5' }, { dtmf: '#' }]);
    });

    test('while it is held nothing is sent or heard, and what is played after the resumption is fresh', async () => {
      const at = await setup();
      const { far, leg } = await at.talking();
      leg.media.play({ id: 'queued', audio: tone(50) });
      await leg.hold(signal);
      far.speak(tone(5, 61));
      await leg.resume(signal);
      await at.hears(
        () => has(far, tone(15, 101)),
        (nth) => leg.media.play({ id: `fresh ${nth}`, audio: tone(15, 101) }),
      );
      expect(has(far, tone(1, 49))).toBe(false);
      expect(at.states()).toEqual(['ringing', 'answered', 'held', 'resumed']);
    });

    test('two legs that are connected hear each other and nobody else', async () => {
      const at = await setup();
      const [one, two, third] = [await at.talking('leg_1'), await at.talking('leg_2'), await at.talking('leg_3')];
      one.leg.connect(two.leg);
      await at.hears(
        () => has(two.far, tone(10)) && has(one.far, tone(10, 31)),
        () => {
          one.far.speak(tone(10));
          two.far.speak(tone(10, 31));
        },
      );
      expect(third.far.heard()).toHaveLength(0);
      one.leg.connect(null);
      two.far.hangUp();
      await at.holds(() => at.states().includes('ended'));
      expect(at.server.leg('leg_1')).toBeDefined();
    });

    test('a leg that ends while something plays says how much was heard', async () => {
      const at = await setup();
      const { far, leg } = await at.talking();
      leg.media.play({ id: 'long', audio: tone(50) });
      await at.holds(() => far.heard().length > 0);
      far.hangUp();
      await at.holds(() => at.facts.some((fact) => 'played' in fact));
      await at.holds(() => at.states().includes('ended'));
      const [played] = at.facts.filter((fact) => 'played' in fact);
      expect(played?.ms).toBeLessThan(1000);
    });

    test('hanging up ends the call of the far end, and a repeat changes nothing', async () => {
      const at = await setup();
      const { far, leg } = await at.talking();
      await leg.hangUp(signal);
      await leg.hangUp(signal);
      await at.holds(() => far.hasEnded());
      expect(at.states().filter((state) => state === 'ended')).toHaveLength(1);
      expect(at.changes.at(-1)).toMatchObject({ outcome: 'answered', hangUpCause: 'normal', endedBy: 'system' });
    });

    test(`keys ${sendsDtmf ? 'are sent' : 'cannot be sent, which is said'}, and so is a transfer ${transfers ? 'made' : 'refused'}`, async () => {
      const at = await setup();
      const { leg } = await at.talking();
      if (sendsDtmf) leg.sendDtmf('12#');
      else expect(() => leg.sendDtmf('12#')).toThrow(expect.objectContaining({ code: 'unimplemented' }));
      if (!transfers) return await expect(leg.transfer('+79995550000', signal)).rejects.toMatchObject({ code: 'unimplemented' });
      await leg.transfer('+79995550000', signal);
      await at.holds(() => at.states().includes('transferring'));
    });

    if (abandons)
      test('another instance ends the call of one that died', async () => {
        const at = await setup();
        const { far } = await at.talking();
        const other = await at.network.gateway.start({
          changed: () => {},
          offered: () => {},
          held: () => {},
          answered: () => {},
          identify: () => ({ legId: 'x', callId: 'x' }),
          save: async () => {},
          saved: async () => null,
        });
        await other.abandon({ legId: 'leg_1', data: at.stored.get('leg_1') ?? null }, signal);
        await at.holds(() => far.hasEnded());
        await other.close();
      });

    test('an instance that drains takes no more calls and keeps the one it has', async () => {
      const at = await setup();
      const { far, leg } = await at.talking();
      const drained = at.server.drain(signal);
      await expect(at.server.place(dial, { legId: 'leg_2', signal })).rejects.toMatchObject({
        code: 'unavailable',
        outcome: 'not_executed',
      });
      await at.hears(
        () => has(far, tone(5)),
        (nth) => leg.media.play({ id: `still ${nth}`, audio: tone(5) }),
      );
      far.hangUp();
      await drained;
    });

    test('an instance that closes hangs up every leg, whether it talks or rings', async () => {
      const at = await setup();
      const { far } = await at.talking();
      await at.server.place(dial, { legId: 'leg_2', signal });
      const other = await at.network.next();
      other.ring();
      await at.holds(() => at.changes.some(({ legId, state }) => legId === 'leg_2' && state === 'ringing'));
      await at.server.close();
      expect(at.changes.filter(({ state }) => state === 'ended')).toMatchObject([{ endedBy: 'system' }, { endedBy: 'system' }]);
      await at.holds(() => far.hasEnded() && other.hasEnded());
    });

    if (receivesCalls)
      describe('inbound', () => {
        test('a caller rings, is answered, heard and spoken to', async () => {
          const at = await setup();
          const far = (await at.network.call?.('+79995551111', '+74951234567')) as FarCall;
          await at.holds(() => at.offered.length === 1);
          const [leg] = at.offered as [Leg];
          expect(leg).toMatchObject({ direction: 'in', from: '+79995551111', to: '+74951234567', legId: 'leg_in_1', callId: 'call_in_1' });
          expect(at.answered).toEqual([]);
          await leg.answer(signal);
          await at.holds(() => at.answered.length === 1);
          await at.hears(
            () => has(far, tone(5)),
            (nth) => leg.media.play({ id: `hello ${nth}`, audio: tone(5) }),
          );
          await at.hears(
            () => includesAny(Buffer.concat(at.heard), tone(5, 31)),
            () => far.speak(tone(5, 31)),
          );
          far.hangUp();
          await at.holds(() => at.states().includes('ended'));
          expect(at.states()).toEqual(['ringing', 'answered', 'ended']);
        });

        test('a caller that is refused hears no answer', async () => {
          const at = await setup();
          const far = (await at.network.call?.('+79995551111', '+74951234567')) as FarCall;
          await at.holds(() => at.offered.length === 1);
          await at.offered[0]?.reject('busy', signal);
          await at.holds(() => far.hasEnded());
          expect(at.states()).toEqual(['ringing', 'ended']);
        });
      });
  });
}
