import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Id, Phone } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/define.ts';
import { until, world } from '../../scripts/testing/world.ts';
import { service } from '../service.ts';

const desk = contract('desk', '1.0.0', {
  note: method({ summary: 'x', input: z.strictObject({ phone: Phone }), output: z.object({ noteId: Id }), idempotency: 'keyed' }),
});

test('personal data of rows that ended long ago is blanked, and rows that are older still are gone', async () => {
  const it = await world();
  const { bus } = await it.start(
    'desk',
    service({ serves: { desk }, settings: z.object({}) }).start(async () => ({ desk: { note: async () => ({ noteId: 'n' }) } })),
  );
  for (const key of ['fresh', 'old', 'ancient']) await it.bus.call(desk.note, { phone: '+79995553322' }, { key });
  await it.store.query(`update journal.rows set ended_at = now() - interval '8 days' where key = 'old'`);
  await it.store.query(`update journal.rows set ended_at = now() - interval '31 days' where key = 'ancient'`);
  await it.store.query(`update journal.loops set requested = true where name = 'retention' and service = $1`, [bus.name]);
  const rows = () => it.store.query<{ key: string; phone: string }>(`select key, input->>'phone' as phone from journal.rows order by seq`);
  await until(async () => ((await rows()).length === 2 ? true : null));
  expect(await rows()).toEqual([
    { key: 'fresh', phone: '+79995553322' },
    { key: 'old', phone: '+7999***3322' },
  ]);
  await it.stop();
});
