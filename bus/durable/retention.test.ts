import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Id, Phone } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { service } from '../service.ts';
import { pipeline } from './pipeline.ts';

const Person = z.strictObject({ phone: Phone });
const desk = contract('desk', '1.0.0', {
  note: method({ summary: 'x', input: Person, output: z.object({ noteId: Id }), idempotency: 'keyed' }),
  peek: method({ summary: 'x', input: Person, output: z.object({ noteId: Id }), idempotency: 'read' }),
  look: pipelineMethod({ summary: 'x', input: Person, output: z.object({}) }),
});
const look = pipeline(desk.look)
  .step('peeked', desk.peek, ({ input }) => ({ phone: input.phone }))
  .output(() => ({}));
const phone = '+79995553322';

async function serving(work: (it: World, turn: (isOver: () => Promise<boolean>) => Promise<void>) => Promise<void>): Promise<void> {
  const it = await world();
  const { bus } = await it.start(
    'desk',
    service({ serves: { desk }, settings: z.object({}) }).start(async () => ({
      desk: { note: async () => ({ noteId: 'n' }), peek: async () => ({ noteId: 'n' }), look },
    })),
  );
  const turn = async (isOver: () => Promise<boolean>): Promise<void> => {
    await it.store.query(`update journal.loops set requested = true where name = 'retention' and service = $1`, [bus.name]);
    await until(async () => (await isOver()) || null);
  };
  try {
    await work(it, turn);
  } finally {
    await it.stop();
  }
}
/** When the retention of this world has come to its end. */
const reported = async (it: World): Promise<boolean> =>
  (await it.store.query(`select from journal.loops where name = 'retention' and last_run_at is not null and not requested`)).length === 1;

test('personal data of rows that ended long ago is blanked, and older rows are deleted', () =>
  serving(async (it, turn) => {
    for (const key of ['fresh', 'old', 'ancient']) await it.bus.call(desk.note, { phone }, { key });
    await it.bus.call(desk.look, { phone, waitMs: 5_000 }, { key: 'run' });
    await it.store.query(`update journal.rows set ended_at = now() - interval '8 days' where key = 'old' or mode in ('run', 'step')`);
    await it.store.query(`update journal.rows set ended_at = now() - interval '31 days' where key = 'ancient'`);
    await turn(() => reported(it));
    const rows = await it.store.query(`select coalesce(step, key) as name, input->>'phone' as phone from journal.rows order by seq`);
    expect(rows).toEqual([
      { name: 'fresh', phone },
      { name: 'old', phone: '+7999***3322' },
      { name: 'run', phone: '+7999***3322' },
      { name: 'peeked', phone: '+7999***3322' },
    ]);
  }));

test('one turn deletes all rows and events beyond the limit, of any mode, state and method', () =>
  serving(async (it, turn) => {
    await it.store.query(`insert into journal.methods (method, service, input, output) values ('gone.known', 'gone', '{}', '{}')`);
    await it.store.query(
      `insert into journal.rows (id, method, key, mode, state, hash, input, ref, created_at, updated_at, not_before, ended_at, lease_until)
       select 'row_' || mode || state || n, case n when 1 then 'gone.known' else 'gone.unknown' end, mode || state || n, mode, state, '', '{"phone":"1"}', '', at, at, at,
         case when state in ('done', 'failed', 'rejected', 'expired', 'stale', 'cancelled') and n < 3 then at end, case when state = 'attempting' then at end
       from unnest(array['call', 'send', 'step', 'run', 'wait', 'event']) mode,
         unnest(array['proposed', 'queued', 'attempting', 'waiting', 'unknown', 'review', 'done', 'failed', 'rejected', 'expired', 'stale', 'cancelled']) state,
         generate_series(1, 3) n, (select now() - interval '31 days' as at) age`,
    );
    await it.store.query(
      `insert into journal.events (event, key, payload, created_at) select 'gone.happened', 'k', '{}', now() - interval '31 days' from generate_series(1, 12000)`,
    );
    await it.store.query(`insert into journal.events (event, key, payload) values ('gone.happened', 'young', '{}')`);
    await turn(() => reported(it));
    expect(await it.store.query('select id, method from journal.rows')).toEqual([]);
    expect(await it.store.query(`select key from journal.events where event = 'gone.happened'`)).toEqual([{ key: 'young' }]);
  }));

test('a row of a method without a known schema is blanked whole', () =>
  serving(async (it, turn) => {
    await it.store.query(
      `insert into journal.rows (id, method, key, mode, state, hash, input, output, ref, ended_at)
       values ('row_1', 'gone.note', 'k', 'step', 'done', '', '{"phone":"1"}', '{"name":"n"}', '', now() - interval '8 days')`,
    );
    await turn(() => reported(it));
    expect(await it.store.query('select input, output, blanked from journal.rows')).toEqual([{ input: null, output: null, blanked: true }]);
  }));

test('the steps of an unfinished run stay whole, and rows that wait for a later time are kept', () =>
  serving(async (it, turn) => {
    await it.store.query(
      `insert into journal.rows (id, method, key, mode, state, hash, input, ref, parent, created_at, updated_at, not_before, ended_at) values
         ('run_1', 'gone.flow', 'run', 'run', 'waiting', '', '{"phone":"1"}', '', null, now() - interval '60 days', now() - interval '40 days', now() + interval '1 day', null),
         ('row_1', 'gone.note', 'step', 'step', 'done', '', '{"phone":"1"}', '', 'run_1', now() - interval '40 days', now(), now(), now() - interval '40 days'),
         ('row_2', 'gone.note', 'send', 'send', 'queued', '', '{"phone":"1"}', '', null, now() - interval '60 days', now() - interval '60 days', now() + interval '1 day', null)`,
    );
    await turn(() => reported(it));
    expect(await it.store.query(`select id, input->>'phone' as phone from journal.rows order by id`)).toEqual([
      { id: 'row_1', phone: '1' },
      { id: 'row_2', phone: '1' },
      { id: 'run_1', phone: '1' },
    ]);
  }));
