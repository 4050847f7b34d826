import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Service } from '../../../bus/service.ts';
import { connectNats } from '../../../bus/transports/nats.ts';
import { calls } from '../../../contracts/calls.ts';
import { campaigns } from '../../../contracts/campaigns.ts';
import type { Hosted } from '../../../runtime/host.ts';
import { type RunningServer, startNats } from '../../../scripts/infra/start.ts';
import { temporaryDir } from '../../../scripts/infra/temporary.ts';
import { runCommand } from '../../../test/kit/command-line.ts';
import { proxyTo } from '../../../test/kit/proxy.ts';
import { until, type World, world } from '../../../test/kit/world.ts';
import orchestrator from '../../call-orchestrator/service.ts';
import telephony from '../../telephony-gateway/service.ts';
import service from '../service.ts';
import commands from './commands.ts';

let nats: RunningServer;
let it: World;
let running: Hosted;
const dir = temporaryDir();
const clock = { ms: Date.parse('2026-05-04T23:30:00Z') };
/** The service by the clock that the tests move. */
const moved = (of: Service): Service => ({ ...of, make: (parts) => of.make({ ...parts, now: () => clock.ms }) });
const quick = { TELEPHONY_SIM_RING_MS: '5', TELEPHONY_SIM_TALK_MS: '5', TELEPHONY_SIM_NO_ANSWER_MS: '5', CALL_MAX_MS: '24h' };
const start = () => it.start('campaigns', moved(service));
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  it = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  await it.start('telephony-gateway', telephony, quick);
  await it.start('call-orchestrator', moved(orchestrator), quick);
  running = await start();
});
afterAll(async () => {
  await it?.stop();
  await nats?.stop();
});

const polyb = (words: readonly string[], signal?: AbortSignal) =>
  runCommand(commands, ['campaign', ...words], { natsUrl: nats.url, ...(signal && { signal }) });
const csv = async (name: string, content: string | Uint8Array): Promise<string> => {
  const file = join(dir, name);
  await writeFile(file, content);
  return file;
};
const imported = async (file: string, ...flags: readonly string[]) => {
  const { status, stdout, stderr } = await polyb(['import', file, ...flags]);
  return { status, stderr, result: stdout === '' ? null : JSON.parse(stdout) };
};
const shown = (campaignId: string) => it.bus.call(campaigns.get_campaign, { campaignId });

test('ten members in three zones, one of them on the do-not-call list: each once, inside its window, over restarts, watched to the end', async () => {
  const zones = { '+7423220000': [0, 2], '+7495123450': [7, 9], '+7401200000': [8, 10] } as const;
  const phones = Array.from({ length: 10 }, (_, n) => `${Object.keys(zones)[n % 3]}${n}`);
  const forbidden = phones[4] ?? '';
  await it.bus.call(calls.forbid_calls, { phoneNumber: forbidden, reason: 'asked us' });
  const file = await csv('ten.csv', `Телефон;Имя;Согласие\r\n${phones.map((phone) => `${phone};Анна;договор 17`).join('\r\n')}`);
  const { result } = await imported(file, '--window', 'mon-sun 10:00-12:00', '--in-flight', '2', '--name', 'Весна');
  expect(result).toMatchObject({ lines: 10, added: 10, refused: 0, held: 0 });
  const { campaignId } = result;
  expect((await polyb(['start', campaignId])).stderr).toContain('--yes');
  expect(JSON.parse((await polyb(['start', campaignId, '--yes'])).stdout)).toMatchObject({ state: 'running' });
  const seen = Promise.withResolvers<void>();
  const watched = runCommand(commands, ['campaign', 'show', campaignId, '--follow', '-o', 'jsonl'], {
    natsUrl: nats.url,
    onText: () => seen.resolve(),
  });
  await seen.promise;

  const look = (text: string) => async () => (await it.store.query(text, [campaignId, new Date(clock.ms)])).length === 0;
  /** All that may happen at this time has happened. */
  const quiet = look(
    `select from campaigns.members where campaign_id = $1 and (state = 'dialling' or (state = 'waiting' and due_at <= $2))`,
  );
  for (const time of [
    '2026-05-04T23:30:00Z',
    '2026-05-05T00:30:00Z',
    '2026-05-05T04:00:00Z',
    '2026-05-05T07:30:00Z',
    '2026-05-05T08:30:00Z',
  ]) {
    clock.ms = Date.parse(time);
    const [stopped, next] = [running.stop(0), start()];
    running = await next;
    await stopped;
    await until(quiet);
  }
  await until(async () => (await shown(campaignId)).state === 'completed');
  expect((await shown(campaignId)).counts).toMatchObject({ answered: 9, notAllowed: 1 });
  const made = await it.store.query<{ phone: string; hour: number }>(
    `select phone_number as phone, extract(hour from created_at at time zone 'UTC')::int as hour from call_orchestrator.calls order by 1`,
  );
  expect(made.map(({ phone }) => phone)).toEqual(phones.filter((phone) => phone !== forbidden).toSorted());
  for (const { phone, hour } of made) {
    const [from, to] = zones[phone.slice(0, -1) as keyof typeof zones];
    expect([phone, from <= hour && hour < to]).toEqual([phone, true]);
  }
  const lines = (await watched).stdout.trim().split('\n');
  expect(lines.length).toBeGreaterThan(1);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ state: 'completed', counts: { answered: 9 } });
  const { stdout } = await polyb(['show', campaignId, '-o', 'pretty', '--ascii']);
  expect(stdout).toContain(`${'#'.repeat(30)}  100 %  10 of 10`);
  expect(stdout).toContain('mon-sun 10:00-12:00 where the member is; 2 at a time, 60 an hour');
  const members = await polyb(['show', campaignId, '--members', '--state', 'not_allowed', '-o', 'json']);
  expect(JSON.parse(members.stdout).items).toMatchObject([{ phoneNumber: forbidden, reason: 'do_not_call' }]);
  expect(JSON.parse((await polyb(['ls', '-o', 'json'])).stdout).items).toMatchObject([{ campaignId, state: 'completed' }]);
});

const header = 'phone,name,consent';
const row = (n: number) => `+7495${String(2_000_000 + n)},"Анна, №${n}",договор 17`;

test('of many lines one bad one is named by its line in the file, and the others are added', async () => {
  const lines = Array.from({ length: 3_000 }, (_, n) => row(n));
  lines[1_234] = '+7495,"Анна",договор 17';
  lines[10] = '+74952000010,"Анна\nв две строки",договор 17';
  const { status, result } = await imported(await csv('many.csv', `${header}\n${lines.join('\n')}\n`));
  expect(status).toBe(9);
  expect(result).toMatchObject({
    ...{ lines: 3_000, added: 2_999, refused: 1, repeated: 0, isWhole: true },
    errors: [{ line: 1_237, field: 'phoneNumber', expected: 'a phone in E.164, e.g. +79995553322' }],
  });
  const again = await imported(await csv('again.csv', `${header}\n${row(0)}\n${row(3_001)}\n`), '--to', result.campaignId);
  expect(again).toMatchObject({ status: 0, result: { campaignId: result.campaignId, added: 1, repeated: 1 } });
});

test('a quote that is not closed ends the import in its line; whole lines before it are added', async () => {
  const lines = Array.from({ length: 1_400 }, (_, n) => `+7495${2_000_000 + n},${n === 700 ? '"' : ''}Анна,договор 17`);
  const { status, result, stderr } = await imported(await csv('quote.csv', `${header}\n${lines.join('\n')}`));
  expect(status).toBe(2);
  expect(result).toMatchObject({ lines: 700, added: 700, isWhole: false });
  expect(stderr).toContain('line 702');
});

test('a line with more columns than the header is refused, not shifted', async () => {
  const { status, result } = await imported(await csv('shifted.csv', `${header}\n+74952000001,Анна, Иванова,договор 17\n${row(2)}\n`));
  expect(status).toBe(9);
  expect(result).toMatchObject({ added: 1, refused: 1, errors: [{ line: 2, field: 'line' }] });
});

test.each([
  ['a file without a column of phones', 'name,age\nАнна,7\n', 'line 1: expected a column phonenumber or phone'],
  ['a file without lines', `${header}\n`, 'no line below its header'],
  ['an empty file', '', 'no line below its header'],
])('%s creates no campaign', async (_, content, says) => {
  const before = (await it.bus.call(campaigns.list_campaigns, {})).items.length;
  const { status, stderr } = await imported(await csv('bad.csv', content));
  expect([status, stderr]).toEqual([2, expect.stringContaining(says)]);
  expect((await it.bus.call(campaigns.list_campaigns, {})).items).toHaveLength(before);
});

test('a file in windows-1251 is read, and one that breaks off being UTF-8 is refused by its line', async () => {
  const name = Uint8Array.from([0xc0, 0xed, 0xed, 0xe0]);
  const bytes = Buffer.concat([Buffer.from('phone;name;consent\n+74952000001;'), name, Buffer.from(';17\n')]);
  const { result } = await imported(await csv('1251.csv', bytes));
  const { items } = await it.bus.call(campaigns.list_members, { campaignId: result.campaignId });
  expect(items).toMatchObject([{ name: 'Анна', consent: '17' }]);
  const lines = Array.from({ length: 3_000 }, (_, n) => row(n)).join('\n');
  const broken = Buffer.concat([Buffer.from(`${header}\n${lines}\n+74952000001,`), name]);
  expect((await imported(await csv('broken.csv', broken))).stderr).toContain('is not utf-8 from line');
});

test('windows that cannot be read are refused before the file is', async () => {
  const { status, stderr } = await imported('/nowhere.csv', '--window', 'always');
  expect([status, stderr]).toEqual([2, expect.stringContaining('mon-fri 10:00-19:00')]);
});

test('a campaign is paused, resumed and stopped', async () => {
  const { result } = await imported(await csv('one.csv', `${header}\n${row(1)}`), '--window', 'mon 10:00-11:00');
  const { campaignId } = result;
  const hasNext = async () => (await polyb(['show', campaignId, '-o', 'pretty'])).stdout.includes('next');
  expect(await hasNext()).toBe(false);
  for (const [verb, state] of [
    ['start', 'running'],
    ['pause', 'paused'],
    ['resume', 'running'],
    ['stop', 'stopping'],
  ])
    expect(JSON.parse((await polyb([verb ?? '', campaignId, '--yes'])).stdout)).toMatchObject({ state });
  await until(async () => (await shown(campaignId)).state === 'stopped');
  expect(await hasNext()).toBe(false);
});

test('the watching goes on over a bus that was away, and ends with the campaign', async () => {
  const { result } = await imported(await csv('watched.csv', `${header}\n${row(1)}`), '--window', 'mon 10:00-11:00');
  const { campaignId } = result;
  const way = await proxyTo(nats.url);
  const [seen, noticed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const watched = runCommand(commands, ['campaign', 'show', campaignId, '--follow', '-o', 'jsonl'], {
    natsUrl: way.url,
    onText: () => seen.resolve(),
    onNote: (text) => text.includes('does not reply') && noticed.resolve(),
  });
  await seen.promise;
  way.cut();
  await noticed.promise;
  await polyb(['stop', campaignId]);
  way.restore();
  const { status, stdout } = await watched;
  expect([status, JSON.parse(stdout.trim().split('\n').at(-1) ?? '').state]).toEqual([0, 'stopped']);
  await way.close();
});
