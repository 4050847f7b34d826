import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { pageOf } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { deprecationHeaders } from '../../contracts/kit/deprecation.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { type AppParts, createApp } from './app.ts';
import { routesOf } from './routes.ts';

const old = contract('old', '1.0.0', {
  list_things: method({
    summary: 'Lists.',
    input: z.strictObject({ cursor: z.string().max(9).optional() }),
    output: pageOf(z.object({ id: z.string().max(9) })),
    idempotency: 'read',
    http: { route: 'GET /api/v1/things', scope: 'none' },
    deprecated: { instead: 'use new.list_things', since: '2026-11-20', until: '2027-05-20' },
  }),
  look: method({
    summary: 'Looks.',
    input: z.strictObject({}),
    output: z.object({}),
    idempotency: 'read',
    http: { route: 'GET /api/v1/look', scope: 'none' },
  }),
});

function setup(ask: AppParts['ask']) {
  const options = {
    bodyLimitBytes: 1_000,
    requestTimeoutMs: 1_000,
    maxConnections: 10,
    maxInFlight: 10,
    trustedProxies: [],
    requireIfMatch: false,
  };
  const nobody = async () => {
    throw new PolybError('unauthenticated', 'no');
  };
  const parts = {
    ask,
    admit: nobody,
    decided: async () => {},
    changed: () => {},
    owners: { ofChats: async () => new Map(), ofPhones: async () => new Map() },
    observed: () => {},
    log: quiet,
    options,
  };
  return createApp({ ...parts, routes: routesOf([old.list_things, old.look], []) });
}

test('a route that is to go says since when, until when and where to read more, beside the next page and in refusals', async () => {
  const app = setup(async () => ({ items: [], nextCursor: 'c2' }));
  const { statusCode, headers } = await app.inject('/api/v1/things');
  expect(statusCode).toBe(200);
  expect(headers).toMatchObject({
    deprecation: '@1795132800',
    sunset: 'Thu, 20 May 2027 00:00:00 GMT',
    link: '</openapi.json>; rel="deprecation"; type="application/json", </api/v1/things?cursor=c2>; rel="next"',
  });
  await app.close();
  const failing = setup(async () => {
    throw new PolybError('unavailable', 'away');
  });
  const refused = await failing.inject('/api/v1/things');
  expect({ status: refused.statusCode, since: refused.headers.deprecation }).toEqual({ status: 503, since: '@1795132800' });
  await failing.close();
});

test('other routes say nothing of it', async () => {
  const app = setup(async () => ({}));
  const { headers } = await app.inject('/api/v1/look');
  expect(headers).not.toHaveProperty('deprecation');
  expect(headers).not.toHaveProperty('link');
  await app.close();
});

test('a mark that holds no day is refused when the routes are made', () => {
  expect(() => deprecationHeaders({ instead: 'use x', since: 'soon' })).toThrow('expected a day like 2026-11-20, got soon');
  expect(() => deprecationHeaders({ instead: 'use x', since: '2026-13-40' })).toThrow('expected a day');
});
