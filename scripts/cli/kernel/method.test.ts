import { expect, test } from '@jest/globals';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { proxyTo } from '../../../test/kit/proxy.ts';
import { startNats } from '../../infra/start.ts';
import { temporaryDir } from '../../infra/temporary.ts';
import { journalEntry } from '../commands/journal/ask.ts';
import type { Invocation } from './command.ts';
import { tell } from './failure.ts';
import { flagsOf } from './flags.ts';
import { explain, lazyBus } from './method.ts';

test("the rights on the bus are named when the bus refuses, not when the method's own rule does", async () => {
  const entry = await journalEntry('approve');
  const next = 'polyb permissions';
  expect(tell(explain(new PolybError('permission_denied', 'No.'), entry, undefined)).map((line) => line.trim())).toContain(next);
  const ruled = new PolybError('permission_denied', 'No.', { reason: 'opted_out' });
  expect(tell(explain(ruled, entry, undefined)).map((line) => line.trim())).not.toContain(next);
});

test('a connection that failed is tried again', async () => {
  const nats = await startNats({ dir: temporaryDir(), temporary: true });
  const way = await proxyTo(nats.url);
  way.cut();
  const env = { POLYB_NATS_URL: way.url, POLYB_CONNECT_TIMEOUT: '2s' };
  const flags = flagsOf({}, env, 'campaign show');
  const out = { detail: () => {} } as unknown as Invocation['out']; // The one thing that a connection says.
  const given: Invocation = {
    flags,
    out,
    env,
    signal: AbortSignal.timeout(30_000),
    path: 'campaign show',
    args: [],
    groups: async () => [],
  };
  const line = lazyBus(given, { lasting: true });
  await expect(line.get()).rejects.toMatchObject({ reason: 'not_connected' });
  way.restore();
  expect((await line.get()).transport.connected).toBe(true);
  await line[Symbol.asyncDispose]();
  await way.close();
  await nats.stop();
});
