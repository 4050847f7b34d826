/**
 * Turns of the agent beside keyed calls of the same run, over NATS and PostgreSQL with its default durability. The model is a stub in a
 * process of its own that answers at once; the calendar is the built-in one.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStore, type PostgresStore } from '../adapters/store/index.ts';
import { telegramFake } from '../adapters/vendors/telegram/fake.ts';
import { type BusHost, createBus } from '../bus/bus.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { company } from '../contracts/company.ts';
import { dialog } from '../contracts/dialog.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { warm } from '../scripts/cli/system/warm.ts';
import { startNats, startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import salon from '../services/crm-connector/salon.json' with { type: 'json' };
import { forkDaemon, stopDaemon } from './daemons.ts';
import { load, median, monotonicMs, play, type Role, start } from './roles.ts';
import { forkServices, work } from './steps.ts';

const token = '7001:AAAA-bench';
const chats = 64;

export interface AgentFigures {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
}

/** @param rounds turns of each kind alone. @param seconds of the burst */
export async function benchAgent({
  rounds = 30,
  seconds = 8,
}: {
  rounds?: number;
  seconds?: number;
} = {}): Promise<readonly AgentFigures[]> {
  const dir = temporaryDir();
  const nats = await startNats({ dir: join(dir, 'nats'), temporary: true });
  const postgres = await startPostgres({ dir: join(dir, 'postgres'), durable: true, temporary: true });
  const telegram = await telegramFake({ tokens: [token] });
  const self = fileURLToPath(import.meta.url);
  const model = await start(self, ['model']);
  const children: ChildProcess[] = [];
  const url = Object.assign(new URL(postgres.url), { pathname: '/bench' }).href;
  await migrate({ url });
  const store = openStore({ url, name: 'bench', log: quiet, connections: 4 });
  try {
    const modelUrl = await model.ask<string>('url');
    const env = {
      NATS_URL: nats.url,
      DATABASE_URL: url,
      LOG_LEVEL: 'error',
      POLYB_SECRET_KEY: 'the secret key of the benchmark of the agent',
      TELEGRAM_BOT_TOKENS: token,
      TELEGRAM_API_ROOT: telegram.url,
      HTTP_ALLOW_PRIVATE: `${telegram.url},${modelUrl}`,
      SENDER_UNDO_MS: '0',
      LLM_KIND: 'openai',
      OPENAI_BASE_URL: `${modelUrl}/v1`,
      OPENAI_API_KEY: 'sk-bench',
      DIALOG_MODE: 'auto',
      DIALOG_GATHER_MS: '0',
      DIALOG_FRAGMENT_MS: '0',
      DIALOG_MAX_TURNS: '1000',
      DIALOG_MAX_TOKENS: '10000000',
    };
    await warm(AbortSignal.timeout(120_000));
    children.push(...(await forkServices({ NATS_URL: nats.url, DATABASE_URL: url })));
    const [agent] = await Promise.all([
      forkDaemon(['dialog-orchestrator'], env, children),
      forkDaemon(['crm-connector'], env, children),
      forkDaemon(['journal', 'collector', 'sender'], env, children),
    ]);
    const transport = await connectNats({ servers: nats.url, name: 'operator', inboxUser: 'operator', log: quiet });
    const bus = createBus({ transport, name: 'operator', log: quiet });
    await bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never }, { timeoutMs: 30_000 });
    try {
      const memory = (when: string): AgentFigures => ({
        what: `memory of dialog-orchestrator, ${when}`,
        value: Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]) / 1_024),
        unit: 'MB RSS',
        goal: 'under 150',
      });
      const started = memory('started');
      return [...(await measured({ bus, store, model, telegram, rounds, seconds })), started, memory('after the burst')];
    } finally {
      await bus.close();
    }
  } finally {
    await store.close();
    for (const child of children) await stopDaemon(child);
    await model.stop();
    await telegram.close();
    await nats.stop();
    await postgres.stop();
  }
}

interface Measuring {
  readonly bus: BusHost;
  readonly store: PostgresStore;
  readonly model: Role;
  readonly telegram: Awaited<ReturnType<typeof telegramFake>>;
  readonly rounds: number;
  readonly seconds: number;
}
async function measured({ bus, store, model, telegram, rounds, seconds }: Measuring): Promise<readonly AgentFigures[]> {
  let last = 0;
  const next = (name: string): string => `${name}-${process.pid}-${++last}`;
  const work_ = { phoneNumber: '+79995553322', comment: 'x'.repeat(100), nth: 1 };
  const keyedCall = (): Promise<unknown> => bus.call(work.do_work, work_, { key: next('call') });
  const say = (sessionId: string, message: string, more: object = {}) =>
    bus.call(dialog.dialog, { sessionId, message, ...more }, { key: next('said'), timeoutMs: 60_000 });
  const asks = (sessionId: string) => say(sessionId, 'Какие у вас есть услуги?');
  const rows = async (): Promise<number> => {
    await quietened(store);
    const [row] = await store.query<{ n: number }>(`select count(*)::int as n from journal.rows where method not like 'bench_%'`);
    return row?.n ?? Number.NaN;
  };
  const timed = async (act: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await act();
    return performance.now() - began;
  };

  for (let warm = 0; warm < 15; warm += 1) {
    await keyedCall();
    await asks(next('warm'));
  }
  await model.ask('took');
  // One of each in turn, so that all meet the same machine.
  const took = { keyed: [] as number[], reading: [] as number[], proposing: [] as number[], confirming: [] as number[] };
  const counts = { reading: 0, proposing: 0, confirming: 0 };
  const ofModel = { reading: 0, proposing: 0 };
  for (let round = 0; round < rounds; round += 1) {
    for (let nth = 0; nth < 5; nth += 1) took.keyed.push(await timed(keyedCall));
    const session = next('turn');
    const phoneNumber = `+7926${String(1_000_000 + round)}`;
    const before = await rows();
    await model.ask('took');
    took.reading.push(await timed(() => say(session, 'Какие у вас есть услуги?', { phoneNumber, name: 'Анна' })));
    ofModel.reading += await model.ask<number>('took');
    const afterReading = await rows();
    let choice: string | undefined;
    took.proposing.push(
      await timed(async () => {
        const { choices } = await say(session, 'Запишите на стрижку');
        choice = choices[0]?.id;
      }),
    );
    ofModel.proposing += await model.ask<number>('took');
    if (choice === undefined) throw new Error('the turn proposed nothing');
    const press = { sessionId: session, choice };
    const afterProposing = await rows();
    took.confirming.push(
      await timed(async () => {
        const { state } = await bus.call(dialog.dialog, press, { key: next('press'), timeoutMs: 60_000 });
        if (state !== 'COMPLETED') throw new Error(`the confirmed turn ended in ${state}`);
      }),
    );
    const end = await rows();
    counts.reading += afterReading - before;
    counts.proposing += afterProposing - afterReading;
    counts.confirming += end - afterProposing;
  }
  const keyedMs = median(took.keyed);
  const each = (sum: number): number => sum / rounds;
  const own = (of: readonly number[], model: number): number => median(of) - model;
  const readingMs = own(took.reading, each(ofModel.reading));
  const proposingMs = own(took.proposing, each(ofModel.proposing));
  const confirmingMs = median(took.confirming);

  const inChat = await chatRows(rows, telegram);
  const sentenceMs = await firstSentence(bus, model, next, rounds);

  // Compiled and connected.
  await load(() => asks(next('warm')), { concurrency: chats, ms: 3_000 });
  const keyed = await load(keyedCall, { concurrency: chats, ms: (seconds * 1_000) / 2 });
  const sessions = Array.from({ length: chats }, () => next('chat'));
  let turn = 0;
  const burst = await load(() => asks(sessions[turn++ % chats] as string), { concurrency: chats, ms: seconds * 1_000 });

  const figure = (what: string, value: number, unit: string, goal = ''): AgentFigures => ({
    what,
    value: Number(value.toFixed(value < 1 ? 3 : 2)),
    unit,
    goal,
  });
  const turnFigures = (what: string, ms: number, count: number, mostRows: number): readonly AgentFigures[] => [
    figure(`${what}: keyed rows`, each(count), 'rows', `at most ${mostRows}`),
    figure(`${what}: own time`, ms, 'ms p50'),
    figure(`${what}: own time to its rows × a keyed call`, ms / (each(count) * keyedMs), 'ratio', 'at most 1.3'),
  ];
  return [
    figure('a keyed call alone', keyedMs, 'ms p50'),
    ...turnFigures('a turn that reads', readingMs, counts.reading, 5),
    ...turnFigures('a turn that proposes', proposingMs, counts.proposing, 7),
    ...turnFigures('a turn that books', confirmingMs, counts.confirming, 7),
    figure('a turn that reads, in a chat: keyed rows with its message', inChat, 'rows', 'at most 5'),
    figure('first sentence after the token that ends it', sentenceMs, 'ms p50', 'at most 5'),
    figure(`keyed calls, ${chats} at once`, keyed.perSecond, 'per second'),
    figure(`turns, ${chats} chats at once`, burst.perSecond, 'per second'),
    figure(`turns, ${chats} chats at once`, burst.p50Us / 1_000, 'ms p50'),
    figure('turns to keyed calls', burst.perSecond / keyed.perSecond, 'ratio', 'at least 0.04'),
  ];
}

async function quietened(store: PostgresStore): Promise<void> {
  for (const until = performance.now() + 30_000; ; await delay(5)) {
    const [row] = await store.query<{ n: number }>(`select count(*)::int as n from journal.rows where state in ('queued', 'attempting')`);
    if (row?.n === 0) return;
    if (performance.now() > until) throw new Error('rows are still under way after 30 s');
  }
}

/** Rows of one turn in Telegram, its reply's delivery among them. */
async function chatRows(rows: () => Promise<number>, telegram: Measuring['telegram']): Promise<number> {
  const person = 4_711;
  const turns = 6;
  const talk = async (nth: number): Promise<void> => {
    telegram.say(token, person, 'Какие у вас есть услуги?');
    for (const until = performance.now() + 30_000; telegram.screen(token, person).length < nth; await delay(5))
      if (performance.now() > until) throw new Error('no reply came in Telegram');
  };
  await talk(1);
  const before = await rows();
  for (let nth = 2; nth <= turns; nth += 1) await talk(nth);
  return ((await rows()) - before) / (turns - 1);
}

/** From the token that ends the sentence, as written by the model, until the sentence is here. */
async function firstSentence(bus: BusHost, model: Role, next: (name: string) => string, rounds: number): Promise<number> {
  async function* nothing(): AsyncGenerator<never> {}
  const took: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const open = bus.open(dialog.dialog_stream, { sessionId: next('voice'), message: 'Расскажите о себе' }, nothing(), {
      timeoutMs: 30_000,
    });
    let heardAt = Number.NaN;
    for await (const item of open) if (item.is === 'sentence' && Number.isNaN(heardAt)) heardAt = monotonicMs();
    took.push(heardAt - (await model.ask<number>('endedAt')));
  }
  return median(took);
}

interface Asked {
  readonly stream?: boolean;
  readonly messages: readonly { readonly role: string; readonly content: string | null }[];
}
type Answer = { readonly text: string } | { readonly call: string; readonly given: object };
/** Services are read, a haircut is proposed, and anything else is answered in two sentences. */
function answerTo({ messages }: Asked): Answer {
  const last = messages.at(-1);
  const said = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const books = /запишите/i.test(said);
  if (last?.role === 'tool') {
    const [slot] = books ? (/"s\d+"/.exec(last.content ?? '') ?? []) : [];
    if (slot !== undefined) return { call: 'create_appointment', given: { slot: JSON.parse(slot) as string } };
    return { text: 'У нас есть стрижка, окрашивание и маникюр. На какой день вас записать?' };
  }
  if (books) return { call: 'get_available_slots', given: { services: ['haircut'] } };
  if (/услуги/i.test(said)) return { call: 'get_services', given: {} };
  return { text: 'Здравствуйте, это салон красоты. Чем могу помочь?' };
}
async function playModel(): Promise<void> {
  let took = 0;
  let endedAt = 0;
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Asked;
    const given = answerTo(asked);
    const toolCalls =
      'call' in given
        ? [
            {
              index: 0,
              id: `call_${Math.round(began)}`,
              type: 'function',
              function: { name: given.call, arguments: JSON.stringify(given.given) },
            },
          ]
        : undefined;
    const text = 'text' in given ? given.text : null;
    if (asked.stream !== true) {
      const message = { role: 'assistant', content: text, ...(toolCalls && { tool_calls: toolCalls }) };
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: toolCalls ? 'tool_calls' : 'stop' }], usage }));
      took += performance.now() - began;
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = (delta: object, end: string | null = null) =>
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: end }] })}\n\n`);
    if (toolCalls) event({ tool_calls: toolCalls });
    const tokens = text?.split(/(?<=\s)/) ?? [];
    for (const [nth, each] of tokens.entries()) {
      event({ content: each });
      // The one that ends the first sentence; the rest comes after it was heard.
      if (!/[.!?]\s$/.test(each)) continue;
      endedAt = monotonicMs();
      if (nth < tokens.length - 1) await delay(60);
    }
    event({}, toolCalls ? 'tool_calls' : 'stop');
    response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  }
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  play({
    url: async () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    endedAt: async () => endedAt,
    /** ms spent on answers since the last question. */
    took: async () => {
      const sum = took;
      took = 0;
      return sum;
    },
  });
}

if (process.argv[2] === 'model') await playModel();
else if (import.meta.main) console.table(await benchAgent());
