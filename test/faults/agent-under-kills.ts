import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { PostgresStore } from '../../adapters/store/index.ts';
import { type TelegramFake, telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import type { BusHost } from '../../bus/bus.ts';
import { company } from '../../contracts/company.ts';
import { journal } from '../../contracts/journal.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import salon from '../../services/crm-connector/salon.json' with { type: 'json' };
import type { Child } from './child.ts';
import { eventually, type Ground, openGround } from './ground.ts';
import { type Killable, killableNats, killableService, ownPostgres, strikes } from './killable.ts';
import { randomFrom } from './random.ts';
import type { SenderWorkerSetup } from './sender-worker.ts';
import type { FaultTest } from './test.ts';

const token = '7001:AAAA-kills';
const firstPerson = 61_000;
/** Conversations at the same time. */
const lines = 3;
/** A customer who reads nothing new by then repeats what they did. */
const patienceMs = 20_000;

export const t25: FaultTest = {
  id: 'T25',
  title: 'bookings in Telegram while dialog-orchestrator, crm-connector, sender, PostgreSQL and nats-server are killed',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const times = full ? 40 : 4;
    await using cleanup = new AsyncDisposableStack();
    const postgres = control ? undefined : cleanup.use(await ownPostgres(signal, options.evidence));
    await using ground = await openGround({ ...options, database: postgres?.database ?? options.database });
    const telegram = await telegramFake({ tokens: [token] });
    cleanup.defer(() => telegram.close());
    const env = {
      NATS_URL: ground.natsUrl,
      DATABASE_URL: ground.databaseUrl,
      LOG_LEVEL: 'error',
      TELEGRAM_BOT_TOKENS: token,
      TELEGRAM_API_ROOT: telegram.url,
      HTTP_ALLOW_PRIVATE: telegram.url,
      SENDER_UNDO_MS: '0',
      POLYB_SECRET_KEY: 'the secret key of the fault tests: kills of the agent',
      DIALOG_MODE: 'auto',
      DIALOG_GATHER_MS: '0',
      DIALOG_FRAGMENT_MS: '0',
    };
    await ground.start({ file: '../../runtime/serve.ts', args: ['journal', 'collector'], env });
    const crm = await killableService(ground, 'crm-connector', env);
    const agent = await killableService(ground, 'dialog-orchestrator', env);
    const sender = await midSend(
      control ? await blindSender(ground, env, telegram.url) : await killableService(ground, 'sender', env),
      telegram,
      signal,
    );
    const bus = await ground.client();
    await bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never }, { timeoutMs: 30_000 });

    const victims = control || postgres === undefined ? [sender] : [agent, crm, sender, postgres, killableNats(ground)];
    const plan = strikes(random, victims, control ? 6 : times);
    let isOver = false;
    const striking = (async () => {
      for (const victim of plan) {
        await delay(random.int(200, 2_500), undefined, { signal });
        await victim.kill();
        await victim.restart();
      }
      isOver = true;
    })();
    const people: { readonly person: number; readonly phone: string; readonly isAnswered: boolean; readonly repeats: number }[] = [];
    let last = 0;
    const line = async (): Promise<void> => {
      // Each conversation that began is finished, and one begins after the last kill.
      for (let isLast = false; !isLast; ) {
        isLast = isOver;
        const nth = ++last;
        const person = firstPerson + nth;
        const phone = `+7926${String(2_000_000 + nth)}`;
        people.push({ person, phone, ...(await booked(telegram, person, phone, signal)) });
      }
    };
    const over = new AbortController();
    const deciding = staff(ground.store, bus, telegram, AbortSignal.any([signal, over.signal]));
    await Promise.all([striking, ...Array.from({ length: lines }, line)]);
    over.abort();
    const decidedByStaff = await deciding;
    const isQuiet = await eventually(async () => (await moving(ground.store)) === 0, 60_000, signal);

    const counts = { booked: 0, bookedTwice: 0, notBooked: 0, receipts: 0, receiptsTwice: 0, receiptsInReview: 0, lost: 0, unanswered: 0 };
    let messagesTwice = 0;
    for (const { person, phone, isAnswered } of people) {
      const found = await foundOf(ground.store, person, phone);
      const sent = telegram.sent.filter(({ chatId }) => chatId === person);
      const receipts = sent.filter(({ text }) => text.includes('Готово, вы записаны')).length;
      counts.booked += found.appointments;
      counts.bookedTwice += Math.max(0, found.appointments - 1);
      counts.notBooked += found.appointments === 0 ? 1 : 0;
      counts.receipts += receipts;
      counts.receiptsTwice += Math.max(0, receipts - 1);
      if (receipts === 0 && found.receiptsInReview > 0) counts.receiptsInReview += 1;
      else if (receipts === 0) counts.lost += 1;
      if (!isAnswered) counts.unanswered += 1;
      messagesTwice += Math.max(0, sent.length - found.messages);
      if (found.appointments !== 1 || (receipts !== 1 && !control) || !isAnswered)
        log(`${person}: ${JSON.stringify({ ...found, receipts, isAnswered })}: ${sent.map(({ text }) => text.slice(0, 40)).join(' | ')}`);
    }
    const harm =
      counts.bookedTwice + counts.receiptsTwice + messagesTwice + (control ? 0 : counts.notBooked + counts.lost + counts.unanswered);
    return {
      ok: harm === 0 && isQuiet,
      harm,
      kills: plan.length,
      conversations: people.length,
      ...counts,
      messagesTwice,
      decidedByStaff,
      repeatedByCustomers: people.reduce((sum, { repeats }) => sum + repeats, 0),
    };
  },
};

type Message = ReturnType<TelegramFake['screen']>[number];
/** One customer from the first message to the receipt, and one question after it. */
async function booked(
  telegram: TelegramFake,
  person: number,
  phone: string,
  signal: AbortSignal,
): Promise<{ readonly isAnswered: boolean; readonly repeats: number }> {
  let repeats = 0;
  const screen = (): readonly Message[] => telegram.screen(token, person);
  const latest = (): Message | undefined => screen().at(-1);
  /** Acts, and again if nothing new comes; false when nothing comes at all. */
  const act = async (doIt: () => void): Promise<boolean> => {
    const before = screen().length;
    for (let attempt = 0; attempt < 4; attempt += 1) {
      if (attempt > 0) repeats += 1;
      doIt();
      if (await eventually(() => screen().length > before, patienceMs, signal)) return true;
    }
    return false;
  };
  const say = (text: string) => act(() => void telegram.say(token, person, text));
  const isReceipt = ({ text }: Message): boolean => text.includes('Готово, вы записаны');
  if (!(await say('Хочу на стрижку на следующей неделе'))) return { isAnswered: false, repeats };
  // What is shown decides on what to do: a kill may have let a message through twice late, or cost the slot.
  for (let move = 0; move < 12 && !screen().some(isReceipt); move += 1) {
    const message = screen().findLast(({ buttons }) => buttons.length > 0);
    const confirm = message?.buttons.find(({ text }) => text === 'Подтвердить');
    const times = message?.buttons.filter(({ text }) => /\d\d:\d\d$/.test(text)) ?? [];
    const button = confirm ?? times[(person + move) % Math.max(1, times.length)];
    const asksWho = /как вас зовут|номер телефона|телефон/i.test(latest()?.text ?? '') && confirm === undefined;
    const goesOn =
      asksWho || message === undefined || button === undefined
        ? await say(asksWho ? `Ирина, ${phone}` : 'Хочу на стрижку на следующей неделе')
        : await act(() => void telegram.press(token, person, message, button.text, button.callback_data));
    if (!goesOn) break;
    // A receipt that is in review does not come; the answer to the question still must.
  }
  return { isAnswered: await say('Сколько стоит маникюр?'), repeats };
}

/** Dies while Telegram has taken a message whose answer has not come; without one within a second, dies idle. */
async function midSend(sender: Killable, telegram: TelegramFake, signal: AbortSignal): Promise<Killable> {
  return {
    ...sender,
    async kill() {
      const before = telegram.sent.length;
      telegram.order({ do: 'hang', on: 'sendMessage', after: true, times: 1 });
      await eventually(() => telegram.sent.length > before, 3_000, signal);
      await sender.kill();
    },
  };
}
async function blindSender(ground: Ground, settings: Readonly<Record<string, string>>, root: string): Promise<Killable> {
  const { natsUrl, databaseUrl } = ground;
  const setup = { natsUrl, databaseUrl, settings, allowPrivate: [root] } satisfies z.input<typeof SenderWorkerSetup>;
  const start = (): Promise<Child> => ground.start({ file: './sender-worker.ts', args: [JSON.stringify(setup)] });
  let child = await start();
  return {
    name: 'sender',
    async kill() {
      child.kill('SIGKILL');
      await child.exited;
    },
    async restart() {
      child = await start();
    },
  };
}

/** Looks into the chat of each message whose outcome nobody knows, and resolves it: its chat waits for that. */
async function staff(store: PostgresStore, bus: BusHost, telegram: TelegramFake, signal: AbortSignal): Promise<number> {
  let decided = 0;
  while (!signal.aborted) {
    try {
      const rows = await store.query<{ id: string; text: string; person: string }>(
        `select r.id, r.input->>'text' as text, c.external_id as person from journal.rows r join collector.chats c on c.chat_id = r.input->>'chatId'
         where r.method = 'messages.deliver' and r.state = 'review'`,
      );
      for (const { id, text, person } of rows) {
        const isThere = telegram.sent.some((each) => String(each.chatId) === person && each.text === text);
        await bus.call(journal.resolve, { id, answer: isThere ? 'happened' : 'try_again' }, { timeoutMs: 5_000 });
        decided += 1;
      }
    } catch (error) {
      // What is killed meanwhile is asked again.
      if (!isPolybError(error)) throw error;
    }
    await delay(300, undefined, { signal }).catch(() => {}); // The loop sees it.
  }
  return decided;
}

async function foundOf(
  store: PostgresStore,
  person: number,
  phone: string,
): Promise<{ readonly appointments: number; readonly messages: number; readonly receiptsInReview: number }> {
  const [row] = await store.query<{ appointments: number; messages: number; receiptsInReview: number }>(
    `with chat as (select chat_id from collector.chats where external_id = $1),
       deliveries as (select state, input from journal.rows join chat on input->>'chatId' = chat_id where method = 'messages.deliver')
     select (select count(*)::int from crm_connector.appointments a join crm_connector.contact_phones p on p.contact_id = a.client_id
         where p.phone = $2 and a.status <> 'cancelled') as appointments,
       (select count(*)::int from deliveries) as messages,
       (select count(*)::int from deliveries where state in ('review', 'unknown') and input->>'text' like '%Готово, вы записаны%') as "receiptsInReview"`,
    [String(person), phone],
  );
  if (row === undefined) throw new Error('a count without a row');
  return row;
}
async function moving(store: PostgresStore): Promise<number> {
  const [row] = await store.query<{ n: number }>(`select count(*)::int as n from journal.rows where state in ('queued', 'attempting')`);
  return row?.n ?? 0;
}
