import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Id } from '../../contracts/common.ts';
import { contract, event, method } from '../../contracts/kit/define.ts';
import { until, world } from '../../test/kit/world.ts';
import { on, service } from '../service.ts';

const desk = contract('desk', '1.0.0', {
  note: method({ summary: 'x', input: z.strictObject({ noteId: Id }), output: z.object({}), idempotency: 'keyed' }),
  noted: event({ summary: 'x', payload: z.strictObject({ noteId: Id }), key: 'noteId' }),
});

test.each(['before the service starts', 'while the service runs'])(
  'a consumer hears each event once when its database moves to another PostgreSQL cluster %s',
  async (when) => {
    const it = await world();
    const heard: string[] = [];
    const start = () =>
      it.start(
        'desk',
        service({ serves: { desk }, settings: z.object({}) }).start(async () => ({
          desk: {
            note: ({ noteId }, { commit }) =>
              commit(async (tx) => {
                tx.emit(desk.noted, { noteId });
                return {};
              }),
          },
          on: [on(desk.noted, async ({ noteId }) => void heard.push(noteId))],
        })),
      );
    const note = (noteId: string) => it.bus.call(desk.note, { noteId }, { key: noteId });
    const first = await start();
    await note('before');
    await until(() => heard.includes('before'));
    // The consumer commits where it is after it has heard.
    await until(
      async () =>
        (
          await it.store.query(
            'select from journal.cursors where (xid, id) >= (select xid, id from journal.events order by xid desc, id desc limit 1)',
          )
        ).length > 0,
    );
    if (when.startsWith('before')) await first.stop(2_000);
    // What a restore without the command line leaves behind.
    await it.store.transaction(async (tx) => {
      await tx.query(`update journal.events set xid = (xid::text::bigint + 1000000000)::text::xid8`);
      await tx.query(`update journal.cursors set xid = (xid::text::bigint + 1000000000)::text::xid8`);
    });
    if (when.startsWith('before')) await start();
    await note('after');
    await until(() => heard.includes('after'));
    expect(heard).toEqual(['before', 'after']);
    expect(it.logged.map(({ message }) => message)).toContainEqual(expect.stringContaining('another PostgreSQL cluster'));
    await it.stop();
  },
);
