import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../scripts/infra/ready.ts';
import { scraped } from '../../test/kit/exposition.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';

const behind = ['crm-connector', 'call-orchestrator', 'telephony-gateway', 'journal', 'pipelines'];
let it: GatewayWorld;
beforeAll(async () => {
  it = await gatewayWorld(behind);
});
afterAll(() => it?.stop());

type Operations = Readonly<Record<string, Readonly<Record<string, { readonly operationId: string; readonly security?: unknown }>>>>;

test('the OpenAPI document lists what is routed, older names among it, and nothing that only others may call', async () => {
  const { status, body } = await http(it.origin)('GET', '/openapi.json');
  expect(status).toBe(200);
  const { paths, openapi } = body as { readonly paths: Operations; readonly openapi: string };
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/api/v1/crm/push', '/leads', '/api/v1/sandbox/pending', '/api/v1/sandbox/{id}/approve', '/api/v1/journal']),
  );
  expect(Object.keys(paths).filter((path) => path.includes('telephony'))).toEqual([]);
  const ids = Object.values(paths).flatMap((verbs) => Object.values(verbs).map(({ operationId }) => operationId));
  expect(new Set(ids).size).toBe(ids.length);
});

test('a linter of API descriptions finds no error in either document', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyb-'));
  try {
    for (const name of ['openapi.json', 'asyncapi.json'])
      writeFileSync(join(folder, name), JSON.stringify((await http(it.origin)('GET', `/${name}`)).body));
    const linter = join(import.meta.dirname, '../../node_modules/@redocly/cli/bin/cli.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [linter, 'lint', 'openapi.json', 'asyncapi.json'], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    });
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(['/docs/nope', '/docs/static/nope.js', '/docs/a/b/c', '/nope'])('%s is a problem like any other', async (path) => {
  const { status, headers, body } = await http(it.origin)('GET', path);
  expect({ status, type: headers.get('content-type') }).toEqual({ status: 404, type: 'application/problem+json' });
  expect(body).toMatchObject({ code: 'not_found', status: 404, instance: path, requestId: headers.get('x-request-id') });
});

test('the page of the routes lets nothing run that does not come from it, and all that it names is there', async () => {
  const open = http(it.origin);
  const page = await open('GET', '/docs');
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(page.status).toBe(200);
  expect(policy).toContain("default-src 'self'");
  expect(/script-src [^;]*/.exec(policy)?.[0]).not.toMatch(/unsafe|https?:/);
  const named = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, path = '']) => new URL(path, `${it.origin}/docs/`).pathname,
  );
  expect(named.length).toBeGreaterThan(4);
  for (const path of named) expect({ path, status: (await open('GET', path)).status }).toEqual({ path, status: 200 });
  expect(String(page.body)).not.toMatch(/<script(?![^>]*src=)[^>]*>[^<]/);
});

test('one address tells the figures of every service, with service and instance, as a scraper takes them', async () => {
  const reader = await it.client('read');
  await reader('GET', '/api/v1/calls');
  await reader('GET', '/api/v1/calls/none');
  // Metrics are at most a second old.
  const found = await until(async () => {
    const page = await http(it.origin)('GET', '/metrics');
    expect(page.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const all = scraped(String(page.body));
    const isCounted = all.some(({ labels }) => labels.rpc_response_status_code === 'not_found');
    // A late sample of an instance is exported at the next scrape.
    return isCounted && all.filter(({ name }) => name === 'polyb_bus_rtt_seconds').length === behind.length + 1 ? all : undefined;
  });
  const of = (name: string, labels: Readonly<Record<string, string>>) =>
    found.filter((each) => each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value));
  const instance = expect.any(String);
  for (const [service, side] of [
    ['call-orchestrator', 'server'],
    ['gateway', 'client'],
  ] as const)
    for (const [rpc_method, rpc_response_status_code] of [
      ['calls.list_calls', 'ok'],
      ['calls.get_call', 'not_found'],
    ] as const)
      expect(of(`rpc_${side}_call_duration_seconds_count`, { service, rpc_method })).toEqual([
        expect.objectContaining({ labels: { service, instance, rpc_method, rpc_response_status_code }, value: 1 }),
      ]);
  expect(of('polyb_service_ready', { service: 'crm-connector' })).toMatchObject([{ labels: { service: 'crm-connector' }, value: 1 }]);
  const [listed] = of('http_server_request_duration_seconds_count', { http_route: '/api/v1/calls' });
  expect(listed).toMatchObject({ labels: { service: 'gateway', http_response_status_code: '200' }, value: 1 });
  for (const service of [...behind, 'gateway'])
    for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'polyb_bus_rtt_seconds'])
      expect(of(name, { service })).toMatchObject([{ labels: { instance }, value: expect.any(Number) }]);
  const [cpu] = of('process_cpu_seconds_total', { service: 'gateway' });
  const { user, system } = process.cpuUsage();
  expect(cpu?.value).toBeGreaterThan((user + system) / 1e6 / 2); // From the start of the process, not from the first scrape.
  const { body } = await http(it.origin)('GET', '/stats');
  const { services } = body as { services: readonly { service: string }[] };
  expect(services.map(({ service }) => service)).toEqual(expect.arrayContaining(['crm-connector', 'call-orchestrator', 'gateway']));
});

test('an older port shows the routes of the program that had it, and its health', async () => {
  const [forCalls, forCrm] = [await freePort(), await freePort()];
  await it.startGateway({ GATEWAY_PORTS: `${forCalls}:3000,${forCrm}:8005` });
  const { key } = await it.key(['read', 'send']);
  const crm = http(`http://127.0.0.1:${forCrm}`, key);
  const calls = http(`http://127.0.0.1:${forCalls}`, key);
  expect((await crm('POST', '/leads', { title: 'Новый лид', name: 'Иван', phone: '+79991234567', source: 'phone_call' })).status).toBe(200);
  expect((await crm('GET', '/api/v1/calls')).status).toBe(404);
  expect((await calls('GET', '/api/v1/calls')).status).toBe(200);
  expect((await calls('POST', '/leads', {})).status).toBe(404);
  expect((await calls('GET', '/api/v1/calls/call_1/events')).body).toMatch(/There is no call call_1/);
  expect((await crm('GET', '/api/v1/calls/call_1/events')).body).toMatchObject({ detail: expect.stringMatching(/no route/) });
  for (const at of [crm, calls]) for (const path of ['/health', '/stats', '/metrics']) expect((await at('GET', path)).status).toBe(200);
});
