/** The sender beside the services that it needs, with fakes of Telegram and WhatsApp. For tests. */
import { telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { type Customer, whatsappFake } from '../../adapters/vendors/whatsapp/fake.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Queries, Service } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import sender from './service.ts';

interface HostedService {
  stop(graceMs: number): Promise<void>;
}
/** The parts of the test world that are used here. */
interface World {
  readonly store: Queries;
  readonly bus: Pick<Bus, 'call'>;
  start(folder: string, service: Service, settings: Readonly<Record<string, string>>): Promise<HostedService>;
}
export type Fixture = Awaited<ReturnType<typeof fixture>>;
const graph = { token: 'token-of-the-test', appSecret: 'app-secret-of-the-test', templates: { 'order_ready/ru': 1 } };

/** @param others services by folder; a collector and the journal. @param more settings of all. */
export async function fixture(
  { store, bus, start }: World,
  others: Readonly<Record<string, Service>>,
  { tokens = ['7001:AAAA-test'], ...more }: { tokens?: readonly string[]; settings?: Readonly<Record<string, string>> } = {},
) {
  const telegram = await telegramFake({ tokens });
  const whatsapp = await whatsappFake(graph);
  const settings = {
    TELEGRAM_BOT_TOKENS: tokens.join(','),
    TELEGRAM_API_ROOT: telegram.url,
    WHATSAPP_TOKEN: graph.token,
    WHATSAPP_APP_SECRET: graph.appSecret,
    WHATSAPP_API_ROOT: whatsapp.url,
    HTTP_ALLOW_PRIVATE: `${telegram.url},${whatsapp.url}`,
    SENDER_UNDO_MS: '0',
    ...more.settings,
  };
  const startSender = () => start('sender', sender, settings);
  for (const [folder, service] of Object.entries(others)) await start(folder, service, settings);
  const first = await startSender();

  /** Polls every 20 ms until there is a result. */
  async function when<T>(look: () => Promise<T | null | undefined | false>, withinMs = 40_000): Promise<T> {
    const end = Date.now() + withinMs;
    for (;;) {
      const seen = await look();
      if (seen) return seen;
      if (Date.now() > end) throw new Error(`nothing came within ${withinMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  /** The newest message of a chat, once the sender has processed one that it did not know. */
  const heard = async (externalId: string, before: string | null) =>
    when(async () => {
      const [row] = await store.query<{ chatId: string; messageId: string }>(
        `select chat_id as "chatId", last_inbound_id as "messageId" from sender.chats join collector.chats using (chat_id)
         where external_id = $1 and last_inbound_id is not null`,
        [externalId],
      );
      return row !== undefined && row.messageId !== before && row;
    });
  const lastOf = async (externalId: string) => {
    const [row] = await store.query<{ id: string | null }>(
      'select last_inbound_id as id from sender.chats join collector.chats using (chat_id) where external_id = $1',
      [externalId],
    );
    return row?.id ?? null;
  };
  whatsapp.deliverTo((delivery) =>
    bus.call(inbox.channel_webhook, { channel: 'whatsapp', ...delivery }).then(
      () => true,
      () => false, // It arrives again.
    ),
  );
  let people = 1000;
  const it = {
    telegram,
    whatsapp,
    first,
    startSender,
    when,
    /** A new customer. */
    somebody: () => ++people,
    /** A customer writes in Telegram. */
    async says(from: number, text = 'Здравствуйте') {
      const before = await lastOf(String(from));
      telegram.say(tokens[0] ?? '', from, text);
      return heard(String(from), before);
    },
    /** Several customers write, to one bot after another; returns their chats. */
    async allSay(count: number) {
      const from = people + 1;
      people += count;
      for (let n = 0; n < count; n += 1) telegram.say(tokens[n % tokens.length] ?? '', from + n, 'Здравствуйте');
      return when(async () => {
        const chats = await store.query<{ chatId: string }>(
          `select chat_id as "chatId" from sender.chats join collector.chats using (chat_id)
           where external_id::bigint between $1 and $2 and last_inbound_id is not null order by external_id`,
          [from, from + count - 1],
        );
        return chats.length === count && chats;
      });
    },
    /** A customer writes in WhatsApp. */
    async writes(from: Customer, at = Date.now()) {
      const externalId = from.phone ?? from.userId ?? '';
      const before = await lastOf(externalId);
      whatsapp.say(from, 'Здравствуйте', at);
      return heard(externalId, before);
    },
    /** The inbox emits a status, in any order; its own rows do not matter here. */
    status: (externalId: string, status: string) =>
      store.query('insert into journal.events (event, key, payload) values ($1, $2, $3)', [
        inbox.message_status.address,
        externalId,
        JSON.stringify({
          channel: 'whatsapp',
          botId: whatsapp.phoneNumberId,
          externalId,
          status,
          errorCode: null,
          at: new Date().toISOString(),
        }),
      ]),
    send: (chatId: string, text: string, key = text, rest: object = {}) =>
      bus.call(messages.send_message, { chatId, text, ...rest }, { key }),
    approve: (id: string, hash?: string) => bus.call(journal.approve, { id, ...(hash === undefined ? {} : { hash }) }),
    row: (id: string) => bus.call(journal.get, { id, reveal: true }),
    delivery: (id: string) => bus.call(messages.get_delivery, { id }),
    /** The delivery, once it has reached this status. */
    comes: (id: string, to: string) =>
      when(async () => {
        const found = await bus.call(messages.get_delivery, { id });
        return found.status === to && found;
      }),
    told: async (event: string, id: string) =>
      (
        await store.query<{ payload: Record<string, unknown> }>(
          `select payload from journal.events where event = $1 and payload->>'id' = $2 order by id`,
          [event, id],
        )
      ).map(({ payload }) => payload),
    async close() {
      await telegram.close();
      await whatsapp.close();
    },
  };
  return it;
}
