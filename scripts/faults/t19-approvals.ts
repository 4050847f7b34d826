import { setTimeout as delay } from 'node:timers/promises';
import { type TelegramFake, telegramFake } from '../../adapters/channel/telegram.fake.ts';
import type { BusHost } from '../../bus/bus.ts';
import { isPolybError } from '../../contracts/errors.ts';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import { eventually, type Ground, openGround } from './ground.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const token = '7001:AAAA-test';
const firstCustomer = 1_000;
/** What is tried on a draft; each has customers of its own. */
const plans = ['race', 'edit_seen', 'edit_race', 'edit_after', 'expired', 'rejected', 'retried', 'stale', 'bypass'] as const;
type Plan = (typeof plans)[number];
interface Draft {
  readonly plan: Plan;
  readonly customer: number;
  readonly id: string;
  readonly hash: string;
  readonly text: string;
  /** Texts of which a person said yes, as they were seen. */
  readonly approved: Set<string>;
  winners: number;
}

export const t19: FaultTest = {
  id: 'T19',
  title:
    'drafts that 20 people approve at once, that are edited, expire, are refused, retried and called past their approval, while the sender is killed',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const [raced, others, approvers] = full ? [5_000, 500, 20] : control ? [20, 4, 20] : [200, 12, 20];
    await using ground = await openGround(options);
    await using telegram = await openTelegram();
    const env = {
      NATS_URL: ground.natsUrl,
      DATABASE_URL: ground.databaseUrl,
      LOG_LEVEL: 'error',
      TELEGRAM_BOT_TOKENS: token,
      TELEGRAM_API_ROOT: telegram.url,
      HTTP_ALLOW_PRIVATE: telegram.url,
      SENDER_UNDO_MS: '0',
    };
    const start = (folder: string) => ground.start({ file: '../serve.ts', args: [folder], env });
    // Two desks, so that the approvals of one draft meet in the database only.
    let [sender] = await Promise.all(['sender', 'collector', 'pipelines', 'pipelines'].map(start));
    const bus = await ground.client();
    const wanted = plans.flatMap((plan) => Array.from({ length: plan === 'race' ? raced : others }, () => plan));
    const chats = await chatsOf(ground, telegram, wanted.length, signal);
    const drafts: Draft[] = [];
    for (let from = 0; from < wanted.length; from += 25)
      drafts.push(
        ...(await Promise.all(wanted.slice(from, from + 25).map((plan, nth) => propose(bus, plan, firstCustomer + from + nth, chats)))),
      );
    log(`${drafts.length} drafts`);

    let kills = 0;
    const killing = new AbortController();
    const striking = (async () => {
      while (!killing.signal.aborted && !control && kills < (full ? 50 : 4)) {
        await delay(random.int(600, 1_600), undefined, { signal });
        sender?.kill('SIGKILL');
        kills += 1;
        sender = await start('sender');
      }
    })();
    striking.catch(() => {}); // awaited below, unless something else fails before it
    const desk = control ? carelessDesk(ground, bus) : deskOf(bus);
    const attempts = { approvals: 0, refused: 0 };
    const approve = async (draft: Draft, hash: string, text: string): Promise<void> => {
      attempts.approvals += 1;
      if (!(await desk.approve(draft.id, hash))) {
        attempts.refused += 1;
        return;
      }
      draft.winners += 1;
      draft.approved.add(text);
    };
    const treat = async (draft: Draft): Promise<void> => {
      const { id, hash, text, plan } = draft;
      const edited = `${text} (исправлено)`;
      switch (plan) {
        case 'race':
          await Promise.all(
            Array.from({ length: approvers }, async (_, nth) => {
              // The careless desk shows its harm only when somebody comes after the message has gone.
              if (control) await delay(nth * 150, undefined, { signal });
              await approve(draft, hash, text);
            }),
          );
          return;
        case 'edit_seen':
          await desk.edit(draft, edited);
          return approve(draft, hash, text);
        case 'edit_race':
          await Promise.all([approve(draft, hash, text), desk.edit(draft, edited)]);
          return;
        case 'edit_after':
          await approve(draft, hash, text);
          await desk.edit(draft, edited);
          return;
        case 'expired':
          await ground.store.query(`update journal.rows set not_after = now() - interval '1 ms' where id = $1`, [id]);
          return approve(draft, hash, text).then(() => void draft.approved.clear());
        case 'rejected':
          await bus.call(journal.reject, { id, why: 'not this one' });
          return approve(draft, hash, text).then(() => void draft.approved.clear());
        case 'retried':
          await bus.call(journal.cancel, { id });
          await bus.call(journal.retry, { id });
          return;
        case 'stale':
          telegram.say(token, draft.customer, 'Уже не надо');
          await eventually(async () => (await stateOf(ground, id)) === 'stale', 30_000, signal);
          return approve(draft, hash, text).then(() => void draft.approved.clear());
        case 'bypass':
          return pastApproval(ground, bus, draft);
      }
    };
    const treatAll = async (some: readonly Draft[]): Promise<void> => {
      for (let from = 0; from < some.length; from += 20) await Promise.all(some.slice(from, from + 20).map(treat));
    };
    await treatAll(drafts.filter(({ plan }) => plan !== 'race'));
    await striking.finally(() => killing.abort());
    // Nothing of the race is under way while the sender is gone, so each of its approvals is one message, for certain.
    if (!control) sender?.kill('SIGKILL');
    await treatAll(drafts.filter(({ plan }) => plan === 'race'));
    if (!control) sender = await start('sender');
    log('all are decided');
    const isStill = async () => {
      const [open] = await ground.store.query<{ n: number }>(
        `select count(*)::int as n from journal.rows where method = 'messages.deliver' and state in ('queued', 'attempting', 'unknown')`,
      );
      return open?.n === 0;
    };
    const settled = await eventually(isStill, full ? 600_000 : 40_000, signal);

    const states = new Map(
      (await ground.store.query<{ id: string; state: string }>(`select id, state from journal.rows where method = 'messages.deliver'`)).map(
        ({ id, state }) => [id, state],
      ),
    );
    const counts = { sent: 0, sentOfRaced: 0, inReview: 0, twice: 0, withoutApproval: 0, lost: 0, winners: 0 };
    for (const draft of drafts) {
      const out = telegram.sent.filter(({ chatId }) => chatId === draft.customer);
      const shouldGo = draft.plan === 'race' || draft.plan === 'edit_after' || (draft.plan === 'edit_race' && draft.approved.size > 0);
      counts.sent += out.length;
      if (draft.plan === 'race') counts.sentOfRaced += out.length;
      counts.winners += draft.winners;
      counts.twice += Math.max(0, out.length - 1);
      const unapproved = out.filter(({ text }) => !draft.approved.has(text)).length;
      counts.withoutApproval += unapproved;
      if (unapproved > 0 && !control) log(`${draft.plan}: sent without an approval of it`);
      // Killed in the attempt: a person finds out. It may have gone out, and no more than once.
      if (states.get(draft.id) === 'review') counts.inReview += 1;
      else if (shouldGo && out.length === 0) counts.lost += 1;
    }
    const tooMany = drafts.reduce((sum, { winners }) => sum + Math.max(0, winners - 1), 0);
    const harm =
      counts.twice +
      counts.withoutApproval +
      (control ? 0 : counts.lost + tooMany + Math.abs(raced - counts.sentOfRaced) + (settled ? 0 : 1));
    return { ok: harm === 0, harm, drafts: drafts.length, ...attempts, ...counts, approvedTwice: tooMany, kills, settled };
  },
};

async function openTelegram(): Promise<TelegramFake & AsyncDisposable> {
  const telegram = await telegramFake({ tokens: [token] });
  return { ...telegram, [Symbol.asyncDispose]: () => telegram.close() };
}

/** Customers who have written once; our id of each one's chat. */
async function chatsOf(
  { store }: Ground,
  telegram: TelegramFake,
  customers: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  for (let nth = 0; nth < customers; nth += 1) telegram.say(token, firstCustomer + nth, 'Здравствуйте');
  const known = () =>
    store.query<{ external_id: string; chat_id: string }>(
      `select external_id, chat_id from collector.chats join sender.chats using (chat_id) where sender.chats.last_inbound_id is not null`,
    );
  if (!(await eventually(async () => (await known()).length === customers, 60_000, signal)))
    throw new Error(`of ${customers} customers ${(await known()).length} are known`);
  return new Map((await known()).map(({ external_id, chat_id }) => [Number(external_id), chat_id]));
}

async function propose(bus: BusHost, plan: Plan, customer: number, chats: ReadonlyMap<number, string>): Promise<Draft> {
  const text = `Ответ ${customer}`;
  const { id } = await bus.call(
    messages.send_message,
    { chatId: String(chats.get(customer)), text },
    { key: `draft ${customer}`, timeoutMs: 30_000 },
  );
  const { hash } = await bus.call(journal.get, { id }, { timeoutMs: 30_000 });
  return { plan, customer, id, hash, text, approved: new Set(), winners: 0 };
}

interface Desk {
  /** Whether this approval was taken. */
  approve(id: string, hash: string): Promise<boolean>;
  edit(draft: Draft, text: string): Promise<void>;
}
function deskOf(bus: BusHost): Desk {
  return {
    approve: (id, hash) => taken(bus.call(journal.approve, { id, hash }, { timeoutMs: 30_000, retry: false })),
    async edit({ id, hash }, text) {
      const { input } = await bus.call(journal.get, { id, reveal: true }, { timeoutMs: 30_000 });
      await taken(bus.call(journal.edit, { id, hash, input: { ...(input as object), text } }, { timeoutMs: 30_000, retry: false }));
    },
  };
}
/** Approves whatever stands there, in whatever state it is; and so does its edit. */
function carelessDesk({ store }: Ground, bus: BusHost): Desk {
  return {
    async approve(id) {
      await store.query(
        `update journal.rows set state = 'queued', ended_at = null, not_before = now(), not_after = now() + interval '1 hour' where id = $1 and state <> 'attempting'`,
        [id],
      );
      return true;
    },
    edit: deskOf(bus).edit,
  };
}
/** False for a refusal; whatever else goes wrong is not ours to pass over. */
async function taken(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (thrown) {
    if (isPolybError(thrown) && (thrown.code === 'conflict' || thrown.code === 'failed_precondition')) return false;
    throw thrown;
  }
}

async function stateOf({ store }: Ground, id: string): Promise<string | undefined> {
  const [row] = await store.query<{ state: string }>('select state from journal.rows where id = $1', [id]);
  return row?.state;
}

/** This bus has no permissions, so anybody may call: with the draft's own key, before and after it was refused, and with another. */
async function pastApproval({ store }: Ground, bus: BusHost, { id }: Draft): Promise<void> {
  const [row] = await store.query<{ key: string; input: never }>('select key, input from journal.rows where id = $1', [id]);
  if (row === undefined) throw new Error(`${id} is not there`);
  /** Until the sender lives and has answered, one way or the other. */
  const deliver = async (key: string): Promise<void> => {
    for (const until = performance.now() + 60_000; ; await delay(200)) {
      try {
        await bus.call(messages.deliver, row.input, { key, timeoutMs: 5_000, retry: false });
        return;
      } catch (thrown) {
        if (!isPolybError(thrown)) throw thrown;
        const isAway = thrown.code === 'unavailable' || thrown.code === 'deadline_exceeded' || thrown.reason === 'connection_lost';
        if (!isAway || performance.now() > until) return;
      }
    }
  };
  await deliver(row.key);
  await deliver(`${row.key} once more`);
  await bus.call(journal.reject, { id, why: 'not this one' });
  await deliver(row.key);
}
