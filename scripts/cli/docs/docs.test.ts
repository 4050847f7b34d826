import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Service, service, type Vendors } from '../../../bus/service.ts';
import { contract, event, method } from '../../../contracts/kit/define.ts';
import { exported, type PipelineFact } from '../../../contracts/kit/describe.ts';
import { codes } from '../../../contracts/kit/errors.ts';
import { allGroups } from '../kernel/commands.ts';
import { drift, pagesOf } from './build.ts';
import { readContracts, readPipelines, root } from './catalogue.ts';
import { checkContracts, contractsOfCode, diffContracts, exportContracts } from './contracts.ts';
import { metricsOfCode } from './metrics.ts';
import { formatJson, type Page } from './page.ts';
import { mermaid, plantUml } from './pipelines.ts';
import { staleEntries } from './stale.ts';
import { topologyPage } from './topology.ts';

const folders: string[] = [];
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'polyb-docs-'));
  folders.push(made);
  return made;
}
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true });
});
function write(at: string, pages: readonly Page[]): void {
  for (const { path, text } of pages) {
    mkdirSync(join(at, path, '..'), { recursive: true });
    writeFileSync(join(at, path), text);
  }
}

const shop = contract('shop', '1.0.0', {
  buy: method({
    summary: 'Buy a | b.',
    input: z.strictObject({ cart: z.strictObject({ id: z.string().max(9) }), tags: z.array(z.string().max(9)).max(3).optional() }),
    output: z.object({ orderId: z.string().max(9) }),
    idempotency: 'keyed',
    errors: { empty: 'failed_precondition' },
    examples: [{ cart: { id: "it's" } }],
  }),
  bought: event({ summary: 'Bought.', payload: z.object({ orderId: z.string().max(9) }), key: 'orderId' }),
});
const sale: PipelineFact = {
  method: 'shop.sell',
  steps: [
    { name: 'paid', kind: 'step', target: 'bank.pay' },
    { name: 'pause', kind: 'delay', target: '5 ms' },
    { name: 'sent', kind: 'wait', target: 'post.parcel_sent' },
    { name: 'told', kind: 'step', target: 'bank.tell', conditional: true },
  ],
};
const seller = service({ serves: { shop }, settings: z.object({ SHOP_NAME: z.string().max(9).default('x').describe('The name.') }) }).start(
  async () => ({
    shop: { buy: async () => ({ orderId: 'o' }) },
  }),
);
const watcher: Service = { ...seller, serves: {}, uses: [shop.bought, shop.buy] };
const services = [
  { folder: 'seller', service: seller },
  { folder: 'watcher', service: watcher },
];
const groups = await allGroups();
const metrics = await metricsOfCode();
const pages = pagesOf(exported([shop], [], { sell: sale }), services, groups, metrics);
const page = (path: string) => pages.find((one) => one.path === path)?.text;

test('a page of a contract holds its methods with their subjects, fields, failures and examples', () => {
  const text = page('docs/reference/services/shop.md');
  for (const part of [
    'Served by `services/seller`',
    '| subject | `polyb.rpc.shop.buy` |',
    '| `cart.id` | text …9 | yes |',
    '| `tags` | list …3 of text …9 |  |',
    '[failed_precondition](../errors.md#failed_precondition)',
    `polyb call shop.buy -d '{"cart":{"id":"it'\\''s"}}'`,
    'Buy a \\| b.',
  ])
    expect(text).toContain(part);
});

test('the events page says who tells and who hears', () => {
  expect(page('docs/reference/events.md')).toContain('| [shop.bought](#shopbought) | Bought. | `orderId` | `seller` | `watcher` |');
});

test('the errors page has a section for every code and every reason that a contract declares', () => {
  for (const code of Object.keys(codes)) expect(page('docs/reference/errors.md')).toMatch(new RegExp(`## ${code}\n\n.+\\. .+\\.`));
  expect(page('docs/reference/errors.md')).toContain('| `empty` | `failed_precondition` | `shop.buy` |');
});

test('the metrics page lists every metric of the platform and of services once, and its alerts ask for none that is not there', () => {
  const text = page('docs/reference/metrics.md') ?? '';
  const listed = [...text.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(listed).toEqual(expect.arrayContaining(['rpc_server_call_duration_seconds', 'polyb_approval_decision_seconds']));
  expect(listed).toEqual([...new Set(metrics.map(({ name }) => name))].sort());
  const asked = [...text.matchAll(/```promql\n(.+)\n```/g)].flatMap(([, query = '']) => [...query.matchAll(/\b(?:polyb|rpc)_\w+_\w+/g)]);
  const names = asked
    .map(([name]) => name.replace(/_count$/, ''))
    .filter((name) => name !== 'rpc_method' && name !== 'rpc_response_status_code');
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((name) => !listed.includes(name))).toEqual([]);
});

test('the topology draws calls to the server and events from it', () => {
  const { text } = topologyPage(services);
  expect(text).toContain('watcher -- shop.buy --> seller');
  expect(text).toContain('seller -. shop.bought .-> watcher');
});

test('settings of services and of every vendor stand on a page and in the example file, vendors with what picks them', () => {
  const post: Vendors = {
    setting: 'POST_KIND',
    fallback: 'foot',
    catalogue: {
      foot: { settings: z.object({}), create: () => 0 },
      air: { settings: z.object({ AIR_KEY: z.string().max(9) }), create: () => 0 },
    },
  };
  const made = pagesOf(exported([], []), [{ folder: 'seller', service: { ...seller, vendors: { post } } }], groups);
  const text = (path: string) => made.find((one) => one.path === path)?.text;
  expect(text('docs/reference/config.md')).toContain('| `SHOP_NAME` | The name. |  | `x` |');
  expect(text('docs/reference/config.md')).toMatch(/`POST_KIND` .* `foot` \|/);
  expect(text('docs/reference/config.md')).toMatch(/Read when `POST_KIND=air`\.\n\n(\|.*\n){2}\| `AIR_KEY` .*\*\*required\*\* \|/);
  expect(text('.env.example')).toMatch(/POST_KIND=foot[\s\S]*AIR_KEY=/);
});

test('both diagrams of a pipeline tell the same messages', () => {
  const body = [
    'caller>shop: sell',
    'shop>bank: pay',
    'bank<shop: paid',
    'note over shop: waits 5 ms',
    'note over shop: waits for post.parcel_sent',
    'post<shop: sent',
    'opt told',
    'shop>bank: tell',
    'bank<shop: told',
    'end',
    'shop<caller: output',
  ];
  const people = ['caller', 'shop', 'bank', 'post'].map((name) => `participant ${name}`);
  const lines = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .slice(1);
  expect(lines(mermaid(sale)).map((line) => line.replace('-->>', '<').replace('->>', '>').replace('Note', 'note'))).toEqual([
    ...people,
    ...body,
  ]);
  expect(lines(plantUml(sale)).map((line) => line.replace(' --> ', '<').replace(' -> ', '>'))).toEqual([...people, ...body, '@enduml']);
});

test('every generated file says at its beginning how it is made', () => {
  for (const { path, text } of pages)
    expect([path, text.split('\n').slice(0, 3).join('\n')]).toEqual([path, expect.stringContaining('Generated by `polyb docs build`')]);
});

test('drift tells files that are missing, changed by hand, or made by nothing any more', () => {
  const at = folder();
  write(at, pages);
  expect(drift(pages, at)).toEqual([]);
  const [first, second, ...others] = pages;
  if (!first || !second) throw new Error('there are at least two pages');
  rmSync(join(at, second.path));
  writeFileSync(join(at, first.path), `${first.text} `);
  write(at, [{ path: 'docs/reference/services/old.md', text: '' }]);
  expect(drift([first, second, ...others], at)).toEqual([
    { path: first.path, what: 'differs' },
    { path: second.path, what: 'missing' },
    { path: 'docs/reference/services/old.md', what: 'stale' },
  ]);
});

test('contracts of the folder are found without a list, and lists of their entries are no contracts', async () => {
  const at = folder();
  writeFileSync(
    join(at, 'fruit.ts'),
    "export const fruit = { eat: { kind: 'method', name: 'eat', address: 'fruit.eat' } }; export const other = { a: 1 }; export const list = [fruit.eat];",
  );
  writeFileSync(join(at, 'fruit.test.ts'), "throw new Error('tests are not loaded');");
  expect(await readContracts(at)).toEqual([{ eat: { kind: 'method', name: 'eat', address: 'fruit.eat' } }]);
});

test('pipelines are found unexported too, and two of one bare name stay apart', async () => {
  const at = folder();
  const from = (path: string) => JSON.stringify(pathToFileURL(join(root, path)).href);
  const shopOf = (name: string) => `
    import { pipeline } from ${from('bus/durable/pipeline.ts')};
    import { service } from ${from('bus/service.ts')};
    import { contract, method } from ${from('contracts/kit/define.ts')};
    import { pipelineMethod } from ${from('contracts/pipelines.ts')};
    import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
    const shop = contract('${name}', '1.0.0', {
      pay: method({ summary: 'x', input: z.strictObject({}), output: z.object({}), idempotency: 'keyed' }),
      sell: pipelineMethod({ summary: 'x', input: z.strictObject({}), output: z.object({}) }),
    });
    const sell = pipeline(shop.sell).step('paid', shop.pay, () => ({})).output(() => ({}));
    export default service({ serves: { shop }, settings: z.object({}) }).start(async () => ({ shop: { pay: async () => ({}), sell } }));`;
  for (const name of ['corner', 'market']) {
    mkdirSync(join(at, name));
    writeFileSync(join(at, name, 'service.ts'), shopOf(name));
  }
  mkdirSync(join(at, 'heavy'));
  writeFileSync(join(at, 'heavy', 'service.ts'), "throw new Error('a service that makes no pipeline is not loaded');");
  const steps = (name: string) => [{ name: 'paid', kind: 'step', target: `${name}.pay` }];
  expect(await readPipelines(at)).toEqual({
    'corner.sell': { method: 'corner.sell', steps: steps('corner') },
    'market.sell': { method: 'market.sell', steps: steps('market') },
  });
});

test('entries that contracts.json lacks, has otherwise, or has without code are stale', async () => {
  const now = await contractsOfCode();
  expect(await staleEntries(now)).toEqual([]);
  const { 'crm.push_to_crm': push, 'crm.find_contact': find, ...others } = now.entries;
  if (!push || !find) throw new Error('both are in the contracts');
  const entries = { ...others, 'crm.push_to_crm': { ...push, hash: 'x' }, 'crm.pull': push };
  expect((await staleEntries({ ...now, entries })).toSorted()).toEqual(['crm.find_contact', 'crm.pull', 'crm.push_to_crm']);
});

test('the linter of API descriptions accepts both documents, and the formatter every JSON file', async () => {
  const at = folder();
  const contracts = await contractsOfCode();
  const files = (['openapi', 'asyncapi', 'jsonschema'] as const).map((format) => {
    writeFileSync(join(at, `${format}.json`), formatJson(exportContracts(contracts, format)));
    return join(at, `${format}.json`);
  });
  const run = (program: string, ...args: string[]) =>
    spawnSync(process.execPath, [join(root, 'node_modules', program), ...args], {
      cwd: at,
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    });
  const lint = run('@redocly/cli/bin/cli.js', 'lint', ...files.slice(0, 2));
  expect([lint.status, lint.stdout + lint.stderr]).toEqual([0, expect.not.stringMatching(/Warning was generated|Error was generated/)]);
  const format = run('@biomejs/biome/bin/biome', 'format', `--config-path=${root}`, ...files);
  expect([format.status, format.stdout]).toEqual([0, expect.stringContaining('Checked 3 files')]);
});

test('what was released and is gone is told, and nothing when all is there', async () => {
  const file = join(folder(), 'released.json');
  const now = await contractsOfCode();
  writeFileSync(file, formatJson(now));
  expect(await checkContracts(file)).toEqual([]);
  expect(await diffContracts(file)).toEqual([]);
  const push = now.entries['crm.push_to_crm'];
  if (!push) throw new Error('crm.push_to_crm is a contract');
  writeFileSync(
    file,
    formatJson({ ...now, entries: { ...now.entries, 'crm.pull': { ...push, name: 'pull', address: 'crm.pull', hash: 'x' } } }),
  );
  expect(await checkContracts(file)).toEqual([{ where: 'crm.pull', what: 'removed (method)', breaking: true }]);
});

test('the code keeps what the last release promised', async () => {
  expect((await checkContracts()).filter(({ breaking }) => breaking)).toEqual([]);
});

test('a file that holds no contracts is refused with its name', async () => {
  const file = join(folder(), 'released.json');
  await expect(diffContracts(file)).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(file) });
  writeFileSync(file, '{}');
  await expect(diffContracts(file)).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('no entries') });
  expect(readFileSync(file, 'utf8')).toBe('{}');
});
