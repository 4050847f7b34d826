import { describe, expect, test } from '@jest/globals';
import { proxyTo } from '../../test/kit/proxy.ts';
import { natsTransports } from '../../test/kit/transports.ts';
import { transportConformance } from './conformance.ts';
import { connectNats } from './nats.ts';

const server = process.env.NATS_URL as string;

describe('the NATS transport', () => {
  transportConformance(() => natsTransports(process.env.NATS_URL as string));

  test('names the address without the password when the first connection fails', async () => {
    const proxy = await proxyTo(server);
    proxy.cut();
    const connecting = connectNats({ servers: proxy.url.replace('//', '//me:secret@'), name: 'a', inboxUser: 'a', timeoutMs: 300 });
    await expect(connecting).rejects.toMatchObject({ code: 'unavailable', reason: 'not_connected', outcome: 'not_executed' });
    await expect(connecting).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
    await proxy.close();
  });

  test('waits for its server when it is patient, until its signal fires', async () => {
    const proxy = await proxyTo(server);
    proxy.cut();
    const patient = { servers: proxy.url, name: 'a', inboxUser: 'a', timeoutMs: 300, patient: true };
    const giveUp = new AbortController();
    const given = connectNats({ ...patient, signal: giveUp.signal });
    const kept = connectNats(patient);
    giveUp.abort();
    await expect(given).rejects.toMatchObject({ code: 'unavailable' });
    proxy.restore();
    const transport = await kept;
    expect(transport.connected).toBe(true);
    expect(await transport.rtt()).toBeGreaterThan(0);
    await transport.close();
    await proxy.close();
  });
});
