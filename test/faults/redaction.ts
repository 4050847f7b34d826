import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { espoUsers } from '../../adapters/vendors/espocrm/fake.ts';
import { type TelegramFake, telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import type { BusHost } from '../../bus/bus.ts';
import { calls } from '../../contracts/calls.ts';
import { crm } from '../../contracts/crm.ts';
import { gateway } from '../../contracts/gateway.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { type Canaries, type Canary, canariesOf } from './canaries.ts';
import { type Echo, startEcho } from './echo.ts';
import { eventually, type Ground, openGround } from './ground.ts';
import { leakForms, leaks } from './leaks.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

/** Where operators and callers look. */
const places = ['logs', 'errors', 'http', 'journal', 'traces', 'metrics', 'commands'] as const;
type Place = (typeof places)[number];
const leakiest = ['look', 'change', 'keep', 'act', 'submit'] as const;
const daemons = [
  ['gateway'],
  ['journal', 'pipelines', 'call-orchestrator', 'telephony-gateway'],
  ['crm-connector'],
  ['collector', 'sender', 'intent-classifier'],
];
const leastLines = 5_000;
const customers = 12;

export const t18: FaultTest = {
  id: 'T18',
  title:
    'phones, credentials and names in inputs, refusals, thrown errors, vendors’ answers and chats, looked for wherever others may look',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const canaries = canariesOf(seed, full ? 20 : 2);
    const [asked, requests] = full ? [60_000, 20_000] : control ? [250, 60] : [700, 220];
    const watch = watchFor(canaries, (line) => control || log(line));
    const next = turns(canaries);
    await using ground = await openGround(options);
    await using echo = await startEcho(() => next.secret().text);
    const [botToken, apiKey] = [canaries.tokens[0]?.text ?? '', canaries.tokens.find(({ text }) => text.startsWith('pk_'))?.text ?? ''];
    await using telegram = await openTelegram(botToken);
    const port = await freePort();
    const env = settingsOf(ground, { echo, telegram, botToken, port });
    const execArgv = control ? ['--import', new URL('unscrubbed.ts', import.meta.url).href] : [];
    const onLine = (line: string): void => watch.see('logs', line);
    await Promise.all([
      ...daemons.map((folders) => ground.start({ file: '../../runtime/serve.ts', args: folders, env, execArgv, onLine })),
      ground.start({ file: './leaks.ts', args: [String(seed), ground.natsUrl, ground.databaseUrl], execArgv, onLine }),
    ]);
    const bus = await ground.client();
    const [keyId = '', secret = ''] = apiKey.split('.');
    const secretHash = createHash('sha256').update(secret).digest('hex');
    await bus.call(gateway.create_key, { keyId, secretHash, client: 'faults', scopes: ['admin'] }, { timeoutMs: 20_000 });

    const tell = async (work: Promise<unknown>): Promise<void> => {
      await work.catch((thrown: unknown) => {
        if (!isPolybError(thrown)) throw thrown;
        const { message, code, reason, data } = thrown;
        watch.see('errors', JSON.stringify({ message, code, reason, data }));
      });
    };
    await Promise.all([
      inTurns(asked, 16, signal, (nth) => tell(leak(bus, nth, next))),
      inTurns(Math.ceil(asked / 3), 8, signal, (nth) => tell(refuse(bus, nth, next))),
      inTurns(Math.ceil(asked / 10), 8, signal, (nth) => tell(sell(bus, nth, next))),
      inTurns(requests, 6, signal, async (nth) => watch.see('http', await request(`http://127.0.0.1:${port}`, apiKey, nth, next))),
      chat(ground, bus, telegram, botToken, next, random, signal),
    ]);
    const isPutAside = async () => (await ground.store.query(`select 1 from journal.rows where mode = 'event' limit 1`)).length === 1;
    const settled = await eventually(isPutAside, 30_000, signal);

    const rows = await readJournal(bus, watch.see, full ? 20_000 : control ? 60 : 200);
    await readTraces(bus, rows, watch.see, control ? 10 : 40, signal);
    for (const one of await bus.gather('$SRV.STATS', {}, gathering)) watch.see('metrics', JSON.stringify(one, null, 1));
    for (const page of ['/metrics', '/health', '/stats'])
      watch.see('metrics', await textOf(`http://127.0.0.1:${port}${page}`, { 'x-api-key': apiKey }));
    await readCommands(ground, rows, watch.see, signal);
    const { lines, leaked } = watch.counts();
    const harm = Object.values(leaked).reduce((sum, each) => sum + each, 0);
    const seen = Object.values(lines).reduce((sum, each) => sum + each, 0);
    const isComplete = settled && places.every((place) => lines[place] > 0) && seen >= leastLines;
    return {
      ok: harm === 0 && isComplete,
      harm,
      canaries: canaries.all.length,
      lines: seen,
      ...Object.fromEntries(places.map((place) => [`${place}Lines`, lines[place]])),
      ...Object.fromEntries(places.filter((place) => leaked[place] > 0).map((place) => [`${place}Leaked`, leaked[place]])),
      vendorRefusals: echo.refused,
    };
  },
};

type See = (place: Place, text: string) => void;
function watchFor(
  canaries: Canaries,
  log: (line: string) => void,
): { see: See; counts(): Record<'lines' | 'leaked', Record<Place, number>> } {
  const none = (): Record<Place, number> => ({ logs: 0, errors: 0, http: 0, journal: 0, traces: 0, metrics: 0, commands: 0 });
  const [lines, leaked] = [none(), none()];
  let told = 0;
  return {
    see(place, text) {
      for (const line of text.split('\n')) {
        if (line === '') continue;
        lines[place] += 1;
        const found = canaries.in(line);
        if (found.length === 0) continue;
        leaked[place] += 1;
        told += 1;
        if (told <= 10) log(`${place}: ${found[0]?.kind} ${found[0]?.needle}: ${line.slice(0, 2_000)}`);
      }
    },
    counts: () => ({ lines, leaked }),
  };
}

/** One after the other, for ever. */
interface Turns {
  /** A phone or a credential, which are known wherever they stand. */
  secret(): Canary;
  phone(): string;
  name(): string;
}
function turns({ phones, tokens, names }: Canaries): Turns {
  const secrets = [...phones, ...tokens];
  const taker = <T>(from: readonly T[]) => {
    let at = 0;
    return (): T => from[at++ % from.length] as T; // inside the bounds by its making
  };
  const [secret, phone, name] = [taker(secrets), taker(phones), taker(names)];
  return { secret, phone: () => `+7${phone().needle}`, name: () => name().text };
}
async function inTurns(count: number, width: number, signal: AbortSignal, work: (nth: number) => Promise<void>): Promise<void> {
  let nth = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (nth < count && !signal.aborted) await work(nth++);
    }),
  );
}

function settingsOf(
  { natsUrl, databaseUrl }: Ground,
  { echo, telegram, botToken, port }: { echo: Echo; telegram: TelegramFake; botToken: string; port: number },
): Readonly<Record<string, string>> {
  return {
    NATS_URL: natsUrl,
    DATABASE_URL: databaseUrl,
    LOG_LEVEL: 'debug',
    HTTP_ALLOW_PRIVATE: `${echo.url},${telegram.url}`,
    GATEWAY_PORT: String(port),
    GATEWAY_RATE_LIMIT: '1000000',
    CRM_KIND: 'espocrm',
    ESPOCRM_URL: echo.url,
    ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPOCRM_ASSIGNED_USER_ID: espoUsers.userId,
    ESPOCRM_REFERENCE_FIELD: 'cPolybRef',
    ESPOCRM_SETTLE_MS: '500',
    TELEPHONY_KIND: 'http',
    TELEPHONY_URL: `${echo.url}/call`,
    TELEGRAM_BOT_TOKENS: botToken,
    TELEGRAM_API_ROOT: telegram.url,
    SENDER_UNDO_MS: '0',
  };
}
async function openTelegram(token: string): Promise<TelegramFake & AsyncDisposable> {
  const telegram = await telegramFake({ tokens: [token] });
  return { ...telegram, [Symbol.asyncDispose]: () => telegram.close() };
}

/** A handler throws a canary and the name that it was given. */
async function leak(bus: BusHost, nth: number, next: Turns): Promise<unknown> {
  const form = leakForms[nth % leakForms.length] ?? 'message';
  const secret = next.secret().text;
  const input = { form, nth, name: next.name(), phone: next.phone(), words: `call ${secret}`, note: `call ${secret}`.slice(0, 300) };
  const options = { key: `${nth} of ${secret}`.slice(0, 200), timeoutMs: 5_000, retry: false };
  if (nth % 6 === 5) {
    for await (const _ of bus.open(leaks.flow, input, nothing(), { timeoutMs: 5_000, signal: AbortSignal.timeout(5_000) })) {
      // only the end matters
    }
    return undefined;
  }
  const kind = leakiest[nth % leakiest.length] ?? 'look';
  return bus.call(leaks[kind], input, options);
}
async function* nothing(): AsyncGenerator<Record<string, never>> {}

/** An input that no schema lets through. */
function refuse(bus: BusHost, nth: number, next: Turns): Promise<unknown> {
  const { text } = next.secret();
  const name = next.name();
  const good = { form: 'none', nth, name } as const;
  const bad = [
    { ...good, form: text },
    { ...good, nth: text },
    { ...good, [text]: 1 },
    { ...good, name: [name, text] },
    { ...good, phone: text.length > 12 && text.startsWith('+7') ? `${text}${text}` : `no ${text}` },
    { ...good, words: { [text]: [name] } },
    { ...good, note: text.padEnd(301, '.') },
    text,
  ][nth % 8];
  return bus.call(leaks.look, bad as never, { timeoutMs: 5_000, retry: false });
}

/** Leads and calls whose vendors refuse them in their own words. */
function sell(bus: BusHost, nth: number, next: Turns): Promise<unknown> {
  const { text } = next.secret();
  const person = { firstName: next.name(), lastName: next.name(), phoneNumber: next.phone() };
  const options = { key: `lead ${nth} ${text}`.slice(0, 200), timeoutMs: 2_500, retry: false };
  switch (nth % 6) {
    case 0:
      return bus.call(crm.push_to_crm, { ...person, comment: `Мой номер ${text}` }, options);
    case 1:
      return bus.call(crm.create_contact, person, options);
    case 2:
      return bus.call(crm.find_contact, { phoneNumber: person.phoneNumber }, { timeoutMs: 2_500, retry: false });
    case 3:
      return bus.call(crm.add_note, { about: { kind: 'lead', id: 'a1' }, text: `${person.firstName}\n${text}` }, options);
    case 4:
      return bus.call(calls.start_call, { leadId: `lead${nth}`, phoneNumber: person.phoneNumber }, options);
    default:
      return bus.call(pipelines.lead_to_call, { ...person, comment: text }, options);
  }
}

/** What the gateway answers, whole. */
async function request(base: string, apiKey: string, nth: number, next: Turns): Promise<string> {
  const { kind, text, needle } = next.secret();
  const inUrl = encodeURIComponent(text);
  /** As a key may be. */
  const printable = /^[\x21\x23-\x7e]+$/.test(text) ? text : kind === 'phone' ? needle : `token=${needle}`;
  const ascii = text.replace(/[^\x21-\x7e]/g, '');
  const key = { 'x-api-key': apiKey };
  const person = { firstName: next.name(), lastName: next.name(), phoneNumber: next.phone(), comment: text };
  const post = (path: string, body: string, headers: Readonly<Record<string, string>> = key) =>
    textOf(`${base}${path}`, { 'content-type': 'application/json', ...headers }, body);
  const update = JSON.stringify({ update_id: text, message: { text, from: { first_name: person.firstName } } });
  switch (nth % 11) {
    case 0:
      return textOf(`${base}/api/v1/journal/${inUrl}`, key);
    case 1:
      return textOf(`${base}/${inUrl}?phone=${inUrl}`, key);
    case 2:
      return textOf(`${base}/api/v1/calls?state=${inUrl}&phoneNumber=${inUrl}&${inUrl}=1`, key);
    case 3:
      return textOf(`${base}/api/v1/calls`, nth % 2 === 0 ? { 'x-api-key': ascii } : { authorization: `Bearer ${ascii}` });
    case 4:
      return post('/api/v1/crm/push', `{"phoneNumber":"${text}`);
    case 5:
      return post('/api/v1/crm/push', JSON.stringify({ ...person, phoneNumber: text, [text]: text }));
    case 6:
      return post('/api/v1/crm/push', JSON.stringify(person), { ...key, 'idempotency-key': `lead-${nth}-${printable}`.slice(0, 200) });
    case 7:
      return post('/api/v1/send', JSON.stringify({ chatId: text.slice(0, 64), text: person.firstName }));
    case 8:
      return post(`/api/v1/telegram/webhook?bot=${inUrl}`, update, { 'x-telegram-bot-api-secret-token': ascii });
    case 9:
      return post('/api/v1/whatsapp/webhook', update, { 'x-hub-signature-256': `sha256=${ascii}` });
    default:
      return post(`/api/v1/journal/${inUrl}/approve`, JSON.stringify({ why: text }));
  }
}
/** Without what only gives the asker's own words back to him. */
async function textOf(url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<string> {
  const answer = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    signal: AbortSignal.timeout(20_000),
    ...(body !== undefined && { body }),
  });
  const told = [...answer.headers].filter(([name]) => name !== 'idempotency-key' && name !== 'x-request-id');
  return `${answer.status} ${JSON.stringify(told)} ${await answer.text()}`;
}

/** Customers write canaries, and are answered with canaries that Telegram refuses in its own words. */
async function chat(
  ground: Ground,
  bus: BusHost,
  telegram: TelegramFake,
  token: string,
  next: Turns,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const refusing = (on: string, status: number): void =>
    telegram.order({ do: 'refuse', on, status, description: `Bad Request: ${next.secret().text} ${next.secret().text}` });
  for (let nth = 0; nth < customers; nth += 1) {
    refusing('getUpdates', random.pick([400, 500, 502]));
    const { text } = next.secret();
    telegram.say(token, 1_000 + nth, `Здравствуйте, ${text}`, { from: { id: 1_000 + nth, is_bot: false, first_name: next.name() } });
  }
  const known = () => ground.store.query<{ chat_id: string }>('select chat_id from sender.chats where last_inbound_id is not null');
  if (!(await eventually(async () => (await known()).length >= customers, 60_000, signal))) throw new Error('the customers are not known');
  for (const { chat_id: chatId } of await known()) {
    const { id } = await bus.call(
      messages.send_message,
      { chatId, text: `${next.name()}, ${next.secret().text}` },
      { key: `answer ${chatId}`, timeoutMs: 20_000 },
    );
    refusing('sendMessage', random.pick([400, 403, 500]));
    await bus.call(journal.approve, { id }, { timeoutMs: 20_000 });
  }
  await bus.call(inbox.list_messages, {}, { timeoutMs: 20_000 });
}

/** Every row as operators list them, and many as they look at one. */
async function readJournal(bus: BusHost, see: See, most: number): Promise<readonly { readonly id: string; readonly state: string }[]> {
  const rows: { id: string; state: string }[] = [];
  for (const show of ['heads', 'inputs'] as const) {
    let cursor: string | null | undefined;
    do {
      const page = await bus.call(journal.list, { show, limit: 100, ...(cursor && { cursor }) }, { timeoutMs: 20_000 });
      for (const row of page.items) see('journal', JSON.stringify(row));
      if (show === 'heads') rows.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
  }
  const step = Math.max(1, Math.floor(rows.length / most));
  for (const { id } of rows.filter((_, nth) => nth % step === 0))
    see('journal', JSON.stringify(await bus.call(journal.get, { id }, { timeoutMs: 20_000 }), null, 1));
  see('journal', JSON.stringify(await bus.call(journal.list_loops, {}, { timeoutMs: 20_000 })));
  return rows;
}

const gathering = { waitMs: 2_000, quietMs: 300 };
/** What each instance remembers of the calls that made the rows. */
async function readTraces(
  bus: BusHost,
  rows: readonly { readonly id: string }[],
  see: See,
  most: number,
  signal: AbortSignal,
): Promise<void> {
  const services = new Set(
    ((await bus.gather('$SRV.PING', {}, gathering)) as readonly { readonly name: string }[]).map(({ name }) => name),
  );
  const step = Math.max(1, Math.floor(rows.length / most));
  const some = rows.filter((_, nth) => nth % step === 0);
  await inTurns(some.length, 6, signal, async (nth) => {
    const { traceId } = await bus.call(journal.get, { id: some[nth]?.id ?? '' }, { timeoutMs: 20_000 });
    const asked = [...services].map((name) => bus.gather(`polyb.ctl.${name}`, { op: 'spans', traceId }, gathering));
    for (const { records = [] } of (await Promise.all(asked)).flat() as readonly { readonly records?: readonly object[] }[])
      for (const record of records) see('traces', JSON.stringify(record));
  });
}

/** The command line of an operator. */
async function readCommands(
  { natsUrl, databaseUrl }: Ground,
  rows: readonly { readonly id: string; readonly state: string }[],
  see: See,
  signal: AbortSignal,
): Promise<void> {
  const polyb = fileURLToPath(new URL('../../scripts/polyb.js', import.meta.url));
  const ids = (wanted: (row: { id: string; state: string }) => boolean): readonly string[] =>
    rows
      .filter(wanted)
      .slice(0, 2)
      .map(({ id }) => id);
  const failed = ids(({ state, id }) => state === 'failed' && id.startsWith('row_'));
  const runs = ids(({ id }) => id.startsWith('run_'));
  const reviews = ids(({ state }) => state === 'review');
  const commands = [
    'dlq ls',
    'runs ls',
    'reviews ls',
    'loops ls',
    'stats',
    ...failed.flatMap((id) => [`dlq show ${id}`, `trace ${id}`]),
    ...runs.flatMap((id) => [`runs show ${id}`, `trace ${id}`, `trace ${id} --format mermaid`]),
    ...reviews.map((id) => `reviews show ${id}`),
  ];
  const run = (command: string): Promise<void> =>
    new Promise((resolve) => {
      const env = { ...process.env, NATS_URL: natsUrl, DATABASE_URL: databaseUrl };
      execFile(
        process.execPath,
        [polyb, ...command.split(' ')],
        { env, signal, timeout: 30_000, maxBuffer: 64_000_000 },
        (_, stdout, stderr) => {
          see('commands', `${stdout}\n${stderr}`);
          resolve();
        },
      );
    });
  await inTurns(commands.length, 2, signal, (nth) => run(commands[nth] ?? ''));
}
