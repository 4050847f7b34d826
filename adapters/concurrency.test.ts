import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { concurrentHttp } from './concurrency.ts';
import type { Http, HttpAnswer } from './deps.ts';
import { espoClient } from './vendors/espocrm/client.ts';
import { onecClient } from './vendors/onec/client.ts';

const answer: HttpAnswer = { status: 404, headers: {}, bytes: new Uint8Array(), text: () => '', json: () => ({}) };
/** Every request waits until `finish` ends the oldest. */
function held() {
  const open: { readonly url: string; readonly end: (error?: Error) => void }[] = [];
  const started: string[] = [];
  const http: Http = ({ url, signal }) => {
    started.push(url);
    if (signal.aborted) return Promise.reject(new Error('aborted'));
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    open.push({ url, end: (error) => (error === undefined ? resolve(answer) : reject(error)) });
    return promise;
  };
  return {
    http,
    started,
    async finish(error?: Error) {
      open.shift()?.end(error);
      await nextTurn();
    },
  };
}
const { signal } = new AbortController();

test('requests wait for their turn in order of arrival, also after one that failed', async () => {
  const { http, started, finish } = held();
  const limited = concurrentHttp(http, 2);
  const calls = ['1', '2', '3', '4'].map((url) => limited({ method: 'GET', url, signal }));
  const outcomes = Promise.allSettled(calls);
  await nextTurn();
  expect(started).toEqual(['1', '2']);
  await finish(new Error('cut'));
  expect(started).toEqual(['1', '2', '3']);
  await finish();
  expect(started).toEqual(['1', '2', '3', '4']);
  await finish();
  await finish();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
});

test('a caller who leaves the queue takes nobody’s turn', async () => {
  const { http, started, finish } = held();
  const limited = concurrentHttp(http, 1);
  const leaving = new AbortController();
  const first = limited({ method: 'GET', url: '1', signal });
  const second = limited({ method: 'GET', url: '2', signal: leaving.signal });
  const third = limited({ method: 'GET', url: '3', signal });
  leaving.abort();
  await expect(second).rejects.toThrow('aborted');
  await finish();
  expect(started).toEqual(['1', '2', '3']);
  await finish();
  await Promise.all([first, third]);
});

test.each([
  ['EspoCRM', 4, (http: Http) => espoClient({ http, url: 'https://crm.example', apiKey: 'k' })],
  ['1C', 2, (http: Http) => onecClient({ http, url: 'https://1c.example', user: 'u', password: '', timeoutMs: 1000 })],
] as const)('%s gets at most %d requests of a client at a time', async (_, most, create) => {
  const { http, started, finish } = held();
  const client = create(http) as { get(entity: string, id: string, signal: AbortSignal): Promise<unknown> };
  const reads = Promise.allSettled(Array.from({ length: 6 }, () => client.get('Contact', '1', signal)));
  await nextTurn();
  expect(started).toHaveLength(most);
  for (let nth = 0; nth < 6; nth += 1) await finish();
  await reads;
  expect(started).toHaveLength(6);
});
