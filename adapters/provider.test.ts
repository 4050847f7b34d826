import { expect, test } from '@jest/globals';
import { createMetrics } from '../bus/telemetry/metrics.ts';
import { PolybError } from '../contracts/kit/errors.ts';
import type { Http, HttpAnswer } from './deps.ts';
import { providerHttp } from './provider.ts';

test('a request counts once: by its own word or its method, and by its status or the error that it ended with', async () => {
  const metrics = createMetrics({ now: Date.now, log: console });
  const statuses = [200, 302, 404, 429, 503];
  const http: Http = async () => {
    const status = statuses.shift();
    if (status === undefined) throw new PolybError('unavailable', 'No connection could be made.');
    return { status } as HttpAnswer; // all that is read of it
  };
  const asked = providerHttp(http, 'crm.espocrm', metrics);
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
