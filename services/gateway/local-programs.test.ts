import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../scripts/infra/ready.ts';
import { type GatewayWorld, gatewayWorld } from '../../test/kit/gateway.ts';

let it: GatewayWorld;
let ports: { readonly calls: number; readonly desk: number; readonly crm: number };
const settings = () => ({ GATEWAY_PORTS: `${ports.calls}:3000,${ports.desk}:8300,${ports.crm}:8005`, GATEWAY_PORTS_WITHOUT_KEYS: 'true' });
beforeAll(async () => {
  ports = { calls: await freePort(), desk: await freePort(), crm: await freePort() };
  it = await gatewayWorld(['crm-connector'], settings());
});
afterAll(() => it?.stop());

const lead = { title: 'Новый лид', name: 'Иван Иванов', phone: '+7 (999) 123-45-67', source: 'phone_call' };
/** Node's own client, because `fetch` sets `Host` itself. Only the headers given are sent. */
function post(port: number, path: string, headers: Readonly<Record<string, string>> = {}, body: unknown = lead) {
  return new Promise<{ readonly status: number; readonly body: unknown }>((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (reply) => {
        const parts: Buffer[] = [];
        reply.on('data', (part: Buffer) => parts.push(part));
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString()) }));
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

test('a program of this machine needs no key on a former port, and needs one on the main port', async () => {
  expect(await post(ports.crm, '/leads')).toMatchObject({ status: 200, body: { phoneNumber: '+79991234567' } });
  expect(await post(ports.crm, '/leads', { host: `localhost:${ports.crm}` })).toMatchObject({ status: 200 });
  expect(await post(Number(new URL(it.origin).port), '/leads')).toMatchObject({ status: 401 });
});

test.each([
  ['the page of a browser', { origin: 'null' }],
  ['a navigation of a browser', { 'sec-fetch-site': 'none' }],
  ['a page under a name of its own', { host: 'rebound.example' }],
  ['a page under a name that begins like this machine', { host: '127.0.0.1.example' }],
  ['a proxy', { 'x-forwarded-for': '203.0.113.7' }],
  ['a proxy that names itself', { via: '1.1 proxy' }],
  ['a wrong key', { 'x-api-key': `pk_abcdefgh.${'x'.repeat(24)}` }],
  ['an unreadable credential', { authorization: 'Basic eDp5' }],
])('%s is not a program of this machine', async (_, headers) => {
  expect(await post(ports.crm, '/leads', headers)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
});

test('without a key nobody is called, and nothing is approved or read', async () => {
  const [call, former] = ['/api/v1/calls', '/api/v1/crm/push'];
  expect(await post(ports.calls, call, {}, { phoneNumber: '+79991234567' })).toMatchObject({ status: 401 });
  expect(await post(ports.crm, former)).toMatchObject({ status: 401 });
  expect(await post(ports.desk, '/api/v1/sandbox/row_aaaaaa/approve', {}, {})).toMatchObject({ status: 401 });
});

test('a gateway that other machines or proxies reach does not start without keys', async () => {
  const open = (own: Readonly<Record<string, string>>) => it.startGateway({ ...settings(), GATEWAY_PORTS: '', ...own });
  await expect(open({ GATEWAY_HOST: '0.0.0.0' })).rejects.toThrow('GATEWAY_PORTS_WITHOUT_KEYS=true admits programs of this machine only');
  await expect(open({ GATEWAY_TRUSTED_PROXIES: '127.0.0.1' })).rejects.toThrow('admits programs of this machine only');
});
