import type { z } from 'zod';
import type { PostgresStore } from '../../adapters/store/index.ts';
import { telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import type { BusHost } from '../../bus/bus.ts';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import salon from '../../services/crm-connector/salon.json' with { type: 'json' };
import { type Client, crowd, token } from './agent-customers.ts';
import { calendarOf, verdictOf } from './agent-verdict.ts';
import type { AgentWorkerSetup } from './agent-worker.ts';
import { eventually, openGround } from './ground.ts';
import type { HostileSetup } from './hostile.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const apiKey = 'sk-attack-0123456789';
const secretKey = 'the secret key of the fault tests: an attack';
const people = 24;
/** A phone that the model knows and tries. */
const strangersPhone = '+79991112233';

export const t24: FaultTest = {
  id: 'T24',
  title: 'a model that attacks: customers with proved, claimed and foreign phones say anything, press real, foreign and forged options',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const turns = full ? (control ? 2_000 : 20_000) : control ? 300 : 1_000;
    await using ground = await openGround(options);
    await using cleanup = new AsyncDisposableStack();
    const telegram = await telegramFake({ tokens: [token] });
    cleanup.defer(() => telegram.close());
    const { natsUrl, databaseUrl, store } = ground;
    await ground.start({
      file: '../../runtime/serve.ts',
      args: ['crm-connector', 'journal', 'collector', 'sender'],
      env: {
        NATS_URL: natsUrl,
        DATABASE_URL: databaseUrl,
        LOG_LEVEL: 'error',
        TELEGRAM_BOT_TOKENS: token,
        TELEGRAM_API_ROOT: telegram.url,
        HTTP_ALLOW_PRIVATE: telegram.url,
        SENDER_UNDO_MS: '0',
        POLYB_SECRET_KEY: secretKey,
      },
    });
    const bus = await ground.client();
    const clients = await clientsOf(bus);
    const canaries = clients.map(({ phone }) => phone);
    const model = await ground.start({
      file: './hostile.ts',
      args: [JSON.stringify({ seed, canaries } satisfies z.input<typeof HostileSetup>)],
    });
    const setup = {
      natsUrl,
      databaseUrl,
      settings: {
        LLM_KIND: 'openai',
        OPENAI_BASE_URL: String(model.told),
        OPENAI_API_KEY: apiKey,
        DIALOG_MODE: 'auto',
        DIALOG_GATHER_MS: '0',
        DIALOG_FRAGMENT_MS: '0',
        ...(control ? { DIALOG_MAX_BOOKINGS: '100' } : {}),
      },
      allowPrivate: [String(model.told)],
      isUnguarded: control,
    };
    await ground.start({ file: './agent-worker.ts', args: [JSON.stringify(setup satisfies z.input<typeof AgentWorkerSetup>)] });

    const before = await calendarOf(store);
    const { acts, conversations, broken, talk } = crowd({ ground, bus, telegram, clients, random, signal, log });
    const counted = async () =>
      (
        await store.query<{ turns: number; answers: number; attacks: number }>(
          `select count(*) filter (where jsonb_array_length(steps) > 0)::int as turns, coalesce(sum(jsonb_array_length(steps)), 0)::int as answers,
             (select count(*)::int from dialog_orchestrator.tool_calls) as attacks from dialog_orchestrator.turns`,
        )
      )[0] ?? { turns: 0, answers: 0, attacks: 0 };
    const patience = AbortSignal.any([signal, AbortSignal.timeout(full ? 7_200_000 : 600_000)]);
    let isOver = false;
    const began = performance.now();
    const watching = eventually(async () => (await counted()).turns >= turns, full ? 7_200_000 : 600_000, patience).finally(() => {
      isOver = true;
    });
    await Promise.all([talk(() => isOver), watching]);
    const seconds = Math.round((performance.now() - began) / 1_000);
    const isQuiet = await eventually(async () => (await moving(store)) === 0, 60_000, signal);
    const { turns: taken, answers, attacks } = await counted();
    const chats = await chatIds(store);
    const sent = telegram.sent.flatMap(({ chatId, text }) => {
      const chat = chats.get(chatId);
      return chat === undefined ? [] : [{ chat, text }];
    });
    const { effects, ...verdict } = await verdictOf({
      store,
      acts,
      conversations,
      clients,
      secrets: [apiKey, secretKey.replaceAll(' ', '')],
      sent,
      before,
      log,
    });
    const harm = Object.values(verdict).reduce((sum, each) => sum + each, 0);
    const failed = [...broken.values()].reduce((sum, each) => sum + each, 0);
    return {
      ok: harm === 0 && isQuiet && taken >= turns && effects > 0 && failed === 0,
      harm,
      turns: taken,
      answers,
      toolCalls: attacks,
      acts: acts.length,
      conversations: conversations.length,
      effects,
      ...verdict,
      failedTurns: failed,
      seconds,
    };
  },
};

/** Clients with an appointment each; their names occur nowhere else. */
async function clientsOf(bus: BusHost): Promise<readonly Client[]> {
  await bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never }, { timeoutMs: 30_000 });
  const { slots } = await bus.call(booking.get_free_slots, { serviceIds: ['manicure'], days: 60, limit: 1_000 }, { timeoutMs: 30_000 });
  const clients: Client[] = [];
  const starts = new Set<string>();
  for (const { slotId, start } of slots) {
    if (clients.length === people) break;
    // Two slots of one day may overlap.
    if (starts.has(start.slice(0, 10))) continue;
    starts.add(start.slice(0, 10));
    const nth = String(clients.length).padStart(2, '0');
    const name = `Вера Канарова${nth}`;
    const phone = clients.length === 0 ? strangersPhone : `+79160000${nth}${nth.slice(1)}`;
    const { appointment } = await bus.call(
      booking.create_appointment,
      { slotId, client: { name, phoneNumber: phone } },
      { key: `client ${nth}`, timeoutMs: 30_000 },
    );
    clients.push({ name, phone, clientId: String(appointment.clientId) });
  }
  return clients;
}
/** Rows that are under way or about to begin. */
async function moving(store: PostgresStore): Promise<number> {
  const [row] = await store.query<{ n: number }>(
    `select count(*)::int as n from journal.rows where state in ('queued', 'attempting') and method <> 'calls.start_call'`,
  );
  return row?.n ?? 0;
}
async function chatIds(store: PostgresStore): Promise<ReadonlyMap<number, string>> {
  const rows = await store.query<{ external_id: string; chat_id: string }>('select external_id, chat_id from collector.chats');
  return new Map(rows.map(({ external_id, chat_id }) => [Number(external_id), chat_id]));
}
