/** The collector on a real database with a fake Telegram. For tests. */
import type { ReadMessage, Update } from '../../adapters/channel/port.ts';
import { type TelegramFake, telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Commit, Queries, Service } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { put, putOwn } from './rows/put.ts';
import collector from './service.ts';

export const token = '7001:AAAA-test';
export const botId = '7001';

/** The parts of the test world that are used here. */
interface World {
  readonly store: Queries;
  readonly bus: Pick<Bus, 'call'>;
  start(folder: string, service: Service, settings: Readonly<Record<string, string>>): Promise<{ stop(graceMs: number): Promise<void> }>;
}
export type Fixture = Awaited<ReturnType<typeof fixture>>;

/** Truncates tables of a running service. It may hold locks in another order, and then PostgreSQL aborts one of the two. */
export async function emptied(on: Queries, tables: string, tries = 10): Promise<void> {
  try {
    await on.query(`truncate ${tables} cascade`);
  } catch (error) {
    if ((error as { code?: string }).code !== '40P01' || tries <= 1) throw error;
    await emptied(on, tables, tries - 1);
  }
}

export const start = Date.parse('2026-05-05T09:00:00Z');
let nextId = 1;
export interface Written {
  readonly text: string;
  readonly chat?: string;
  readonly from?: string;
  /** Unix ms; by default one minute after another. */
  readonly at?: number;
  readonly bot?: boolean;
  /** Of the author; by default as `bot` says. */
  readonly role?: 'client' | 'manager' | 'broadcast_bot' | 'assistant_bot';
  readonly name?: string;
  readonly phone?: string | null;
  readonly replyTo?: string | null;
}
/** Stores messages as if a channel had delivered them. */
export async function writeTo({ commit }: { readonly commit: Commit }, ...written: readonly Written[]): Promise<void> {
  const updates = written.map((each): Update => {
    const message = messageOf(each);
    return {
      externalId: message.externalId,
      raw: JSON.stringify({ update_id: Number(message.externalId), message: { from: { id: Number(message.sender?.externalId) } } }),
      parts: [{ is: 'message', message }],
    };
  });
  await commit((tx) => put(tx, 'telegram', { botId, updates }));
}
/** An answer of the bot. @param knows the latest act that it knew */
export async function answerTo({ commit }: { readonly commit: Commit }, written: Written, knows: string | null = null): Promise<void> {
  const message = messageOf({ from: botId, role: 'assistant_bot', ...written });
  await commit((tx) => putOwn(tx, { channel: 'telegram', botId }, message, knows));
}
function messageOf({ text, chat = '42', from = '42', at, bot = false, role, name, phone = null, replyTo = null }: Written): ReadMessage {
  const id = nextId++;
  return {
    chat: { externalId: chat, kind: 'private', title: null },
    sender: {
      externalId: from,
      name: name ?? `Клиент ${from}`,
      username: `user${from}`,
      phoneNumber: phone,
      firstRole: role ?? (bot ? 'broadcast_bot' : 'client'),
    },
    externalId: String(id),
    kind: 'text',
    direction: from === botId ? 'out' : 'in',
    text,
    content: [],
    threadId: null,
    albumId: null,
    replyTo,
    isForwarded: false,
    sentAt: at ?? start + id * 60_000,
    editedAt: null,
    files: [],
  };
}

/** @param more settings besides the token and the address of the fake. */
export async function fixture(world: World, more: Record<string, string> = {}) {
  await emptied(
    world.store,
    'collector.chats, collector.users, collector.user_aliases, collector.raw_updates, collector.message_statuses, journal.events',
  );
  const telegram: TelegramFake = await telegramFake({ tokens: [token] });
  const settings = { TELEGRAM_BOT_TOKENS: token, TELEGRAM_API_ROOT: telegram.url, HTTP_ALLOW_PRIVATE: telegram.url, ...more };
  const hosted = await world.start('collector', collector, settings);
  return {
    telegram,
    hosted,
    /** All stored messages, newest first. */
    messages: async (wanted: object = {}) => (await world.bus.call(inbox.list_messages, { limit: 200, ...wanted })).items,
    /** All events of a name, in the order of storing. */
    told: async (event: string) =>
      (
        await world.store.query<{ payload: Record<string, unknown> }>('select payload from journal.events where event = $1 order by id', [
          event,
        ])
      ).map(({ payload }) => payload),
    async close() {
      await hosted.stop(2_000);
      await telegram.close();
    },
  };
}
