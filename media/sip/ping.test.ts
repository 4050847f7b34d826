import { expect, test } from '@jest/globals';
import { pingUri } from './ping.ts';
import { type Listener, openTransports } from './transport.ts';
import { createUserAgent, type Ping } from './user-agent.ts';

const listen: readonly Listener[] = [
  { protocol: 'udp', address: '127.0.0.1', port: 0 },
  { protocol: 'tcp', address: '127.0.0.1', port: 0 },
];
async function pings(uri: string, count: number, signal = new AbortController().signal): Promise<Ping[]> {
  const found: Ping[] = [];
  for await (const ping of pingUri(uri, { count, intervalMs: 1, signal })) found.push(ping);
  return found;
}

test('each ping of a peer that is there returns what it can do, by UDP and TCP', async () => {
  const transports = await openTransports({ listen });
  const agent = createUserAgent({ transports });
  for (const protocol of ['udp', 'tcp'] as const) {
    const port = transports.local(protocol, false)?.port;
    const found = await pings(`sip:127.0.0.1:${port};transport=${protocol}`, 3);
    expect(found.map(({ status, allow }) => [status, allow.includes('INVITE')])).toEqual(Array(3).fill([200, true]));
  }
  await agent.close();
});

test('a place that refuses connections is 503, and an abort ends a ping that nothing answers', async () => {
  expect((await pings('sip:127.0.0.1:1;transport=tcp', 1)).map(({ status }) => status)).toEqual([503]);
  const stopping = new AbortController();
  setImmediate(() => stopping.abort());
  expect((await pings('sip:127.0.0.1:1', 9, stopping.signal)).length).toBeLessThanOrEqual(1);
});

test('what is no SIP URI is refused with an example of one', async () => {
  await expect(pings('127.0.0.1', 1)).rejects.toThrow(/expected a SIP URI/);
});
