import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BitrixFake, bitrixAccess, bitrixCertificate, bitrixFake, localhostTls } from './fake.ts';

const run = promisify(execFile);
const at = ({ userId, code }: typeof bitrixAccess) => `rest/${userId}/${code}`;
let portal: BitrixFake;
beforeAll(async () => {
  portal = await bitrixFake({ tls: localhostTls() });
});
afterAll(() => portal.close());

/** Runs statements with the vendor's own client, which speaks https only, against the fake; returns what they print. */
async function withSdk(statements: string): Promise<unknown> {
  const program = `
    import { B24Hook, LoggerFactory } from '@bitrix24/b24jssdk';
    const b24 = B24Hook.fromWebhookUrl(${JSON.stringify(portal.webhookUrl)});
    b24.setLogger(LoggerFactory.createNullLogger());
    const { call, batch, callList } = b24.actions.v2;
    ${statements}
    process.exit(0);`;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: fileURLToPath(bitrixCertificate) };
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { env, timeout: 50_000 });
  return JSON.parse(stdout);
}

test('the client of the vendor finds, adds after a refusal, runs batches and lists over TLS', async () => {
  const phone = '+79990001122';
  const { id } = portal.items.add(3, { name: 'Anna', fm: [{ typeId: 'PHONE', valueType: 'WORK', value: '8 (999) 000-11-22' }] });
  for (let nth = 0; nth < 119; nth += 1) portal.items.add(1, { title: `Lead ${nth}` });
  const limited = { error: 'QUERY_LIMIT_EXCEEDED', error_description: 'Too many requests' };
  portal.order({ do: 'refuse', on: portal.at('crm.item.add'), status: 503, body: limited });
  const said = await withSdk(`
    const found = await call.make({ method: 'crm.duplicate.findbycomm', params: { type: 'PHONE', values: ['${phone}'] } });
    const none = await call.make({ method: 'crm.duplicate.findbycomm', params: { type: 'PHONE', values: ['+79993334455'] } });
    const added = await call.make({ method: 'crm.item.add', params: { entityTypeId: 1, fields: { title: 'After a refusal' } } });
    const named = await batch.make({
      calls: {
        dup: { method: 'crm.duplicate.findbycomm', params: { type: 'PHONE', values: ['${phone}'] } },
        contact: { method: 'crm.item.get', params: { entityTypeId: 3, id: '$result[dup][CONTACT][0]' } },
      },
      options: { isHaltOnError: false, returnAjaxResult: false },
    });
    const failed = await batch.make({
      calls: [['crm.item.get', { entityTypeId: 3, id: 1 }], ['user.get', {}], ['no.such.method', {}]],
      options: { isHaltOnError: false, returnAjaxResult: true },
    });
    const list = await callList.make({ method: 'crm.item.list', params: { entityTypeId: 1, select: ['id', 'title'] }, idKey: 'id', customKeyForResult: 'items' });
    const refused = await call.make({ method: 'crm.item.get', params: { entityTypeId: 3, id: 1 } }).then(
      () => 'done',
      (error) => [error.code, error.status],
    );
    console.log(JSON.stringify({
      found: found.getData().result,
      none: none.getData().result,
      added: added.getData().result.item.title,
      contact: named.getData().contact.item.id,
      failed: failed.getData().map((each) => each.isSuccess),
      listed: new Set(list.getData().map((item) => item.id)).size,
      refused,
    }));`);
  expect(said).toEqual({
    found: { CONTACT: [id] },
    none: [],
    added: 'After a refusal',
    contact: id,
    failed: [false, true, false],
    listed: 120,
    refused: ['NOT_FOUND', 400],
  });
  const adds = portal.seen.filter(({ path }) => path.endsWith('/crm.item.add'));
  expect(adds.map(({ method, headers }) => [method, headers['content-type']])).toEqual([
    ['POST', 'application/json'],
    ['POST', 'application/json'],
  ]);
});

test('the fake runs on its own, goes wrong to order, and writes down what it took', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bitrix24-'));
  const effects = join(folder, 'effects.jsonl');
  const program = fileURLToPath(new URL('fake.ts', import.meta.url));
  const child = spawn(process.execPath, [program, '--port', '0', '--effects', effects], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
    const call = (method: string, body: object) =>
      fetch(`${url}/${at(bitrixAccess)}/${method}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    await fetch(`${url}/faults`, { method: 'POST', body: JSON.stringify({ do: 'cut', executes: true }) });
    await expect(call('crm.item.add', { entityTypeId: 3, fields: { name: 'Anna' } })).rejects.toThrow();
    expect((await call('crm.item.update', { entityTypeId: 3, id: 201, fields: { name: 'Ivan' } })).status).toBe(200);
    const written = (await readFile(effects, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(written.map(({ did, entity, id, record }) => [did, entity, id, record.name])).toEqual([
      ['crm.item.add', 'contact', '201', 'Anna'],
      ['crm.item.update', 'contact', '201', 'Ivan'],
    ]);
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await rm(folder, { recursive: true });
  }
});

test('a search by GET with a JSON body is refused, and one by GET with a query or by a form is not', async () => {
  const fake = await bitrixFake();
  try {
    const search = `${fake.webhookUrl}crm.duplicate.findbycomm.json`;
    const query = 'type=PHONE&values[]=%2B79990001122';
    // `fetch` sends no body with GET: the portal sees no parameter, as with a JSON body that it does not read.
    const refused = await fetch(search, { headers: { 'Content-Type': 'application/json' } });
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'Communication type is not defined' }]);
    expect(await (await fetch(`${search}?${query}`)).json()).toMatchObject({ result: [] });
    const form = { method: 'POST', body: new URLSearchParams(query) };
    expect(await (await fetch(search, form)).json()).toMatchObject({ result: [] });
  } finally {
    await fake.close();
  }
});

test('the bucket of the portal holds fifty requests and drains two a second', async () => {
  let now = 0;
  const fake = await bitrixFake({ now: () => now });
  const statuses = async (count: number) => {
    const all: number[] = [];
    for (let nth = 0; nth < count; nth += 1) all.push((await fetch(`${fake.webhookUrl}user.get`)).status);
    return all;
  };
  try {
    expect(await statuses(52)).toEqual([...Array<number>(50).fill(200), 503, 503]);
    now += 1000;
    expect(await statuses(3)).toEqual([200, 200, 503]);
  } finally {
    await fake.close();
  }
});
