/** Each state that a person can make of a run or of a part can be left again. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { Id } from '../../contracts/common.ts';
import { contract, event, method, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { service } from '../service.ts';
import { pipeline } from './pipeline.ts';

const What = z.strictObject({ what: Id });
const given = { summary: 'x', input: What, output: What, timeoutMs: 1_500 };
const run = () => pipelineMethod({ summary: 'x', input: What, output: What });
const parts = contract('parts', '1.0.0', {
  keyed: method({ ...given, idempotency: 'keyed' }),
  read: method({ ...given, idempotency: 'read' }),
  approved: method({ ...given, idempotency: 'keyed', approval: 'staff' }),
  effect: method({ ...given, idempotency: 'keyed' }),
  told: event({ summary: 'x', payload: What, key: 'what' }),
  run_keyed: run(),
  run_read: run(),
  run_approved: run(),
  run_effect: run(),
  run_wait: run(),
  run_delay: run(),
});
type Whole = typeof parts.run_keyed;
const of = (whole: Whole, target: typeof parts.read | typeof parts.keyed) =>
  pipeline(whole)
    .step('part', target as typeof parts.read, ({ input: { what } }) => ({ what }))
    .output(({ part }) => part);
const me = { who: 'me', did: 'decided' };

let it: World;
let desk: ReturnType<typeof journalAdmin>;
let parks = 0;
/** What the handlers do with this input; default: they answer. */
const acts = new Map<string, () => Promise<void>>();
const handler = async (input: { what: string }) => {
  await acts.get(input.what)?.();
  return input;
};
beforeAll(async () => {
  it = await world();
  desk = journalAdmin(it.store);
  const { park } = it.store.journal;
  it.store.journal.park = (...args) => {
    parks += 1;
    return park(...args);
  };
  await it.start(
    'parts',
    service({ serves: { parts }, settings: z.object({}) }).start(async () => ({
      parts: {
        keyed: handler,
        read: handler,
        approved: { attempt: handler, onUnknown: review },
        effect: { attempt: handler, onUnknown: review },
        run_keyed: of(parts.run_keyed, parts.keyed),
        run_read: of(parts.run_read, parts.read),
        run_approved: of(parts.run_approved, parts.approved),
        run_effect: of(parts.run_effect, parts.effect),
        run_wait: pipeline(parts.run_wait)
          .waitFor('part', parts.told, ({ input }) => input.what, { timeoutMs: 60_000 })
          .output(({ part }) => part ?? { what: 'nothing came' }),
        run_delay: pipeline(parts.run_delay)
          .delay('part', 300)
          .output(({ input }) => input),
      },
    })),
  );
});
afterAll(() => it.stop());

interface Stored {
  readonly id: string;
  readonly state: string;
}
const partOf = async (runId: string): Promise<Stored | undefined> =>
  (await it.store.query<Stored>('select id, state from journal.rows where parent = $1 order by edition desc limit 1', [runId]))[0];
const stateOf = async (id: string): Promise<string | undefined> => (await it.store.journal.read(id))?.state;
const partIs = (runId: string, state: string): Promise<Stored> =>
  until(async () => {
    const part = await partOf(runId);
    return part?.state === state ? part : null;
  });
const runIs = (runId: string, state: string): Promise<unknown> => until(async () => (await stateOf(runId)) === state || null);
const approve = async (runId: string) => desk.approve((await partIs(runId, 'proposed')).id, null, me);
const fail = (error: PolybError) => async (): Promise<never> => {
  throw error;
};
const tell = (what: string) =>
  it.start(
    'teller',
    service({ serves: {}, uses: [parts.told], settings: z.object({}) }).start(async ({ bus }) => {
      await bus.commit(async (tx) => tx.emit(parts.told, { what }));
      return {};
    }),
  );

interface Walk {
  readonly from: string;
  readonly of: Whole;
  /** Brings the run to where it stands; what a person did there has been done when it resolves. */
  arrange(what: string, runId: string): Promise<unknown>;
  /** Before the run: what its handler does. */
  act?(what: string): unknown;
  /** After the retry: what a person or the world does yet. */
  finish?(what: string, runId: string): Promise<unknown>;
  /** The run has ended by itself and is not cancelled. */
  readonly ended?: true;
}
const gates = new Map<string, PromiseWithResolvers<void>>();
const gated = (what: string): void => {
  const gate = Promise.withResolvers<void>();
  gates.set(what, gate);
  acts.set(what, () => gate.promise);
};
const open = async (what: string): Promise<void> => gates.get(what)?.resolve();
const mend = async (what: string): Promise<boolean> => acts.delete(what);
const away = new PolybError('unavailable', 'away', { retryAfterMs: 50 });
const walks: readonly Walk[] = [
  {
    from: 'keyed step, queued',
    of: parts.run_keyed,
    act: () => desk.pause(parts.keyed.address, me),
    arrange: (_, id) => runIs(id, 'waiting'),
    finish: () => desk.resume('*'),
  },
  { from: 'keyed step, attempting', of: parts.run_keyed, act: gated, arrange: (_, id) => partIs(id, 'attempting'), finish: open },
  {
    from: 'keyed step, attempting, its holder gone',
    of: parts.run_keyed,
    act: gated,
    arrange: async (_, id) => {
      const part = await partIs(id, 'attempting');
      await it.store.query('update journal.rows set takeovers = 1 where id = $1', [part.id]);
    },
    finish: open,
  },
  {
    from: 'keyed step, failed',
    of: parts.run_keyed,
    act: (what) => void acts.set(what, fail(new PolybError('failed_precondition', 'no'))),
    arrange: async (what, id) => runIs(id, 'failed').then(() => mend(what)),
    ended: true,
  },
  {
    from: 'keyed step, given up',
    of: parts.run_keyed,
    act: gated,
    arrange: async (what, id) => {
      const part = await partIs(id, 'attempting');
      await it.store.query(`update journal.rows set takeovers = 3, lease_until = now() - interval '1 s' where id = $1`, [part.id]);
      await runIs(id, 'failed');
      expect((await desk.list({ view: 'dead_letters', reason: 'holder_gone', limit: 200 })).map((row) => row.id)).toContain(id);
      await open(what);
    },
    ended: true,
  },
  {
    from: 'keyed step, cancelled by itself',
    of: parts.run_keyed,
    act: () => desk.pause(parts.keyed.address, me),
    arrange: async (_, id) => {
      await runIs(id, 'waiting');
      await desk.cancel((await partIs(id, 'queued')).id, me);
      await desk.resume('*');
      await runIs(id, 'failed');
    },
    ended: true,
  },
  { from: 'read step, under way', of: parts.run_read, act: gated, arrange: (_, id) => partIs(id, 'queued'), finish: open },
  {
    from: 'read step, to be repeated',
    of: parts.run_read,
    act: (what) => void acts.set(what, fail(away)),
    arrange: (_, id) => runIs(id, 'waiting'),
    finish: mend,
  },
  { from: 'approval step, proposed', of: parts.run_approved, arrange: (_, id) => partIs(id, 'proposed'), finish: (_, id) => approve(id) },
  {
    from: 'approval step, rejected',
    of: parts.run_approved,
    arrange: async (_, id) => {
      await desk.reject((await partIs(id, 'proposed')).id, me);
      await runIs(id, 'failed');
    },
    finish: (_, id) => approve(id),
    ended: true,
  },
  {
    from: 'approval step, out of time',
    of: parts.run_approved,
    arrange: async (_, id) => {
      const part = await partIs(id, 'proposed');
      await it.store.query(`update journal.rows set not_after = now() - interval '1 s' where id = $1`, [part.id]);
      await runIs(id, 'failed');
    },
    finish: (_, id) => approve(id),
    ended: true,
  },
  {
    from: 'approval step, approved and attempting',
    of: parts.run_approved,
    act: gated,
    arrange: async (_, id) => {
      await approve(id);
      await partIs(id, 'attempting');
    },
    finish: open,
  },
  {
    from: 'effect step, in review',
    of: parts.run_effect,
    act: (what) => void acts.set(what, fail(new PolybError('upstream_failed', 'lost'))),
    arrange: (_, id) => partIs(id, 'review'),
    finish: async (what, id) => desk.resolve((await partIs(id, 'review')).id, 'happened', { what }, me),
  },
  {
    from: 'effect step, given up by a person',
    of: parts.run_effect,
    act: (what) => void acts.set(what, fail(new PolybError('upstream_failed', 'lost'))),
    arrange: async (what, id) => {
      await desk.resolve((await partIs(id, 'review')).id, 'give_up', undefined, me);
      await runIs(id, 'failed');
      await mend(what);
    },
    ended: true,
  },
  { from: 'wait, waiting', of: parts.run_wait, arrange: (_, id) => partIs(id, 'waiting'), finish: tell },
  {
    from: 'wait, cancelled by itself',
    of: parts.run_wait,
    arrange: async (_, id) => {
      await desk.cancel((await partIs(id, 'waiting')).id, me);
      await runIs(id, 'failed');
    },
    finish: tell,
    ended: true,
  },
  { from: 'delay, waiting', of: parts.run_delay, arrange: (_, id) => partIs(id, 'waiting') },
  {
    from: 'delay, cancelled by itself',
    of: parts.run_delay,
    arrange: async (_, id) => {
      await desk.cancel((await partIs(id, 'waiting')).id, me);
      await runIs(id, 'failed');
    },
    ended: true,
  },
];

test.each(walks.map((walk) => [walk.from, walk] as const))(
  'a run goes on from: %s',
  async (from, { of: whole, act, arrange, finish, ended }) => {
    const what = from.replace(/[^a-z]+/g, '-');
    await act?.(what);
    const { runId } = await it.bus.call(whole, { what }, { key: what });
    await arrange(what, runId);
    if (ended === undefined) expect(await desk.cancel(runId, me)).toBe(true);
    parks = 0;
    expect(await desk.retry(runId, me)).toBe(true);
    await finish?.(what, runId);
    await until(async () => ['done', 'failed', 'cancelled'].includes((await stateOf(runId)) ?? '') || null);
    expect(await it.store.journal.read(runId)).toMatchObject({ state: 'done', output: { what } });
    expect(parks).toBeLessThan(20);
  },
);
