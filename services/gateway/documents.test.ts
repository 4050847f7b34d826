import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../scripts/infra/ready.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../scripts/testing/gateway.ts';

let it: GatewayWorld;
beforeAll(async () => {
  it = await gatewayWorld(['crm-connector', 'call-orchestrator', 'telephony-gateway', 'pipelines']);
}, 60_000);
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
  expect(Object.keys(paths).filter((path) => path.includes('telephony') || path.includes('keys'))).toEqual([]);
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
}, 60_000);

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

test('one address tells the figures of every service, with service and instance', async () => {
  const reader = await it.client('read');
  await reader('GET', '/api/v1/calls');
  // Figures are at most a second old.
  const text = await eventually(async () => {
    const { body } = await http(it.origin)('GET', '/metrics');
    return /rpc_server_call_duration_seconds_count\{service="call-orchestrator",instance="[^"]+",rpc_method="calls.list_calls"\} [1-9]/.test(
      String(body),
    )
      ? String(body)
      : undefined;
  });
  expect(text).toMatch(/polyb_service_ready\{service="crm-connector"\} 1/);
  expect(text).toMatch(
    /http_server_request_duration_seconds_count\{http_request_method="GET",http_route="\/api\/v1\/calls",http_response_status_code="200"\} 1/,
  );
  expect(
    Number(/http_server_request_duration_seconds_sum\{[^}]*http_route="\/api\/v1\/calls"[^}]*\} (\S+)/.exec(text)?.[1]),
  ).toBeGreaterThan(0);
  expect(text).toMatch(/process_resident_memory_bytes \d+/);
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name);
  expect(new Set(families).size).toBe(families.length);
  // Buckets never fall, and the last is the count.
  const counted = [...text.matchAll(/rpc_server_call_duration_seconds_bucket\{([^}]*?),le="([^"]+)"\} (\d+)/g)];
  for (const [labels, series] of Map.groupBy(counted, ([, labels]) => labels)) {
    const values = series.map(([, , , value]) => Number(value));
    expect([labels, values]).toEqual([labels, values.toSorted((a, b) => a - b)]);
  }
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
  for (const at of [crm, calls]) for (const path of ['/health', '/stats', '/metrics']) expect((await at('GET', path)).status).toBe(200);
});

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nothing came');
}
