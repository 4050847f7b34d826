import { expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { openStore } from './index.ts';

test('work that holds every connection is resource_exhausted for others, is counted, and costs no lease and no outcome', async () => {
  const database = await testDatabase();
  const store = openStore({ url: database.url, name: 'test', log: quiet, connections: 2 });
  const asked = {
    id: 'row_1',
    method: 'test.held',
    key: 'k',
    hash: 'h',
    mode: 'call' as const,
    input: {},
    lane: null,
    approval: 'none' as const,
    handling: 'function' as const,
    settleMs: 0,
    settles: false,
    notAfter: Date.now() + 60_000,
    deadlineAt: Date.now() + 60_000,
    caller: 'test',
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    token: 'token',
  };
  await store.journal.acquire(null, asked, 'me', 60_000);
  const held = await Promise.all([store.begin(), store.begin()]);
  const refused = expect(store.query('select 1')).rejects.toMatchObject({
    code: 'resource_exhausted',
    reason: 'connections_exhausted',
    outcome: 'not_executed',
    message: expect.stringContaining('DATABASE_CONNECTIONS'),
  });
  expect(await store.journal.renew(['token'], 60_000)).toEqual([{ token: 'token', isRenewed: true }]);
  expect(await store.journal.end(null, 'row_1', 'token', { state: 'done', output: {} })).toBe(true);
  expect(store.pools().work).toMatchObject({ most: 2, used: 2, waiting: 1 });
  await refused;
  expect(store.pools()).toMatchObject({ work: { refused: 1 }, leases: { refused: 0 } });
  for (const tx of held) await tx.rollback();
  await store.close();
  await database.drop();
});
