import { expect, test } from '@jest/globals';
import { createMetrics } from '../bus/telemetry/metrics.ts';
import { PolybError } from '../contracts/kit/errors.ts';
import type { Http, HttpAnswer, HttpStream } from './deps.ts';
import { providerHttp } from './provider.ts';

test('a request counts once: by its own word or its method, and by its status or the error that it ended with', async () => {
  const metrics = createMetrics({ now: Date.now, log: console });
  const statuses = [200, 302, 404, 429, 503];
  const http: Http = async () => {
    const status = statuses.shift();
    if (status === undefined) throw new PolybError('unavailable', 'No connection could be made.');
    return { status } as HttpAnswer; // all that is read of it
  };
  const { http: asked } = providerHttp({ http, httpStream: http }, 'crm.espocrm', metrics);
  const request = { method: 'GET', url: 'https://crm.example/api/v1/Lead/abc', signal: AbortSignal.timeout(5_000) } as const;
  for (let nth = 0; nth < 4; nth += 1) await asked({ ...request, operation: 'GET Lead' });
  expect((await asked(request)).status).toBe(503);
  await expect(asked(request)).rejects.toMatchObject({ code: 'unavailable' });
  expect((await metrics.reports()).map(({ name, labels, series }) => ({ name, labels, series }))).toEqual([
    {
      name: 'polyb_provider_requests_total',
      labels: ['provider', 'operation', 'outcome'],
      series: [
        [['crm.espocrm', 'GET Lead', 'ok'], 2],
        [['crm.espocrm', 'GET Lead', 'rejected'], 1],
        [['crm.espocrm', 'GET Lead', 'rate_limited'], 1],
        [['crm.espocrm', 'GET', 'failed'], 1],
        [['crm.espocrm', 'GET', 'unavailable'], 1],
      ],
    },
  ]);
});

test('a streamed request counts once, by the way in which its reply ends', async () => {
  const metrics = createMetrics({ now: Date.now, log: console });
  async function* chunks(isBroken: boolean): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    yield new Uint8Array(1);
    if (isBroken) throw new PolybError('upstream_failed', 'The connection broke.');
  }
  const httpStream: HttpStream = async ({ url }) =>
    url.endsWith('/429') ? ({ status: 429 } as HttpAnswer) : { status: 200, headers: {}, chunks: chunks(url.endsWith('/cut')) };
  const unused: Http = () => Promise.reject(new Error('nothing is read whole'));
  const { httpStream: asked } = providerHttp({ http: unused, httpStream }, 'llm.openai', metrics);
  const read = async (path: string, most: number): Promise<void> => {
    const answer = await asked({
      method: 'POST',
      operation: 'chat',
      url: `https://llm.example/${path}`,
      signal: AbortSignal.timeout(5_000),
    });
    if (!('chunks' in answer)) return;
    let count = 0;
    for await (const _ of answer.chunks) if (++count === most) break;
  };
  for (const [path, most] of [
    ['whole', 9],
    ['left', 1],
    ['429', 9],
  ] as const)
    await read(path, most);
  await expect(read('cut', 9)).rejects.toMatchObject({ code: 'upstream_failed' });
  expect((await metrics.reports())[0]?.series).toEqual(
    ['ok', 'cancelled', 'rate_limited', 'upstream_failed'].map((outcome) => [['llm.openai', 'chat', outcome], 1]),
  );
});
