import { setTimeout as delay } from 'node:timers/promises';
import { type TelegramFake, telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import type { BusHost } from '../../bus/bus.ts';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { openBypass } from './approval-bypass.ts';
import { carelessDesk, type Decided, deskOf, insist } from './approval-desk.ts';
import { eventually, type Ground, openGround } from './ground.ts';
import { killableNats, killableService, ownPostgres, strikes } from './killable.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const token = '7001:AAAA-test';
const firstCustomer = 1_000;
/** Between approval and sending, so that kills fall in between. */
const undoMs = 300;
/** What is tried on a draft; each has customers of its own. All but the race go on while everything is killed. */
const plans = ['race', 'approved', 'edit_seen', 'edit_race', 'edit_after', 'expired', 'rejected', 'retried', 'stale', 'bypass'] as const;
type Plan = (typeof plans)[number];
interface Draft {
  readonly plan: Plan;
  readonly customer: number;
  readonly id: string;
  readonly hash: string;
  readonly text: string;
  /** Texts of which a person said yes, as they were seen; also when the answer was lost. */
  readonly approved: Set<string>;
  winners: number;
}

export const t19: FaultTest = {
  id: 'T19',
  title:
    'drafts that 20 people approve at once, that are edited, expire, are refused, retried and passed by over bus and HTTP, while sender, desks, nats-server and PostgreSQL are killed',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const [raced, others, approvers] = full ? [5_000, 500, 20] : control ? [20, 4, 20] : [200, 12, 20];
    const many: Readonly<Record<Plan, number>> = {
      ...(Object.fromEntries(plans.map((plan) => [plan, others])) as Record<Plan, number>), // of each plan
      race: raced,
      approved: 4 * others,
    };
    await using postgres = control ? undefined : await ownPostgres(signal, options.evidence);
    await using ground = await openGround({ ...options, database: postgres?.database ?? options.database });
    await using telegram = await openTelegram();
    const port = await freePort();
    const env = {
      NATS_URL: ground.natsUrl,
      DATABASE_URL: ground.databaseUrl,
      LOG_LEVEL: 'error',
      TELEGRAM_BOT_TOKENS: token,
      TELEGRAM_API_ROOT: telegram.url,
      HTTP_ALLOW_PRIVATE: telegram.url,
      SENDER_UNDO_MS: control ? '0' : String(undoMs),
      GATEWAY_PORT: String(port),
    };
    // Two desks, so that the approvals of one draft meet in the database only.
    const folders = ['sender', 'collector', 'journal', ...(control ? [] : ['journal', 'gateway'])];
    const services = await Promise.all(folders.map((folder) => killableService(ground, folder, env)));
    const [sender] = services;
    const bus = await ground.client();
    const wanted = plans.flatMap((plan) => Array.from({ length: many[plan] }, () => plan));
    const chats = await chatsOf(ground, telegram, wanted.length, signal);
    const drafts: Draft[] = [];
    for (let from = 0; from < wanted.length; from += 25)
      drafts.push(
        ...(await Promise.all(wanted.slice(from, from + 25).map((plan, nth) => propose(bus, plan, firstCustomer + from + nth, chats)))),
      );
    await using bypass = await openBypass(ground, bus, control ? undefined : `http://127.0.0.1:${port}`, signal);
    log(`${drafts.length} drafts`);

    const honest = deskOf(bus, signal);
    const desk = control ? carelessDesk(ground, honest) : honest;
    const attempts = { approvals: 0, refused: 0, unsure: 0, bypassed: 0 };
    const approve = async (draft: Draft, hash: string, text: string): Promise<void> => {
      attempts.approvals += 1;
      const decided: Decided = await desk.approve(draft.id, hash);
      if (decided === 'refused') attempts.refused += 1;
      else draft.approved.add(text);
      if (decided === 'taken') draft.winners += 1;
      if (decided === 'unsure') attempts.unsure += 1;
    };
    /** Of a draft that may not go out any more, whatever the desk says. */
    const approveInVain = async (draft: Draft): Promise<void> => {
      await approve(draft, draft.hash, draft.text);
      draft.approved.clear();
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
        case 'approved':
          await Promise.all([approve(draft, hash, text), approve(draft, hash, text)]);
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
          await insist(() => ground.store.query(`update journal.rows set not_after = now() - interval '1 ms' where id = $1`, [id]), signal);
          return approveInVain(draft);
        case 'rejected':
          await desk.reject(id);
          return approveInVain(draft);
        case 'retried':
          await desk.cancel(id);
          await desk.retry(id);
          return;
        case 'stale':
          telegram.say(token, draft.customer, 'Уже не надо');
          await eventually(async () => (await stateOf(ground, id, signal)) === 'stale', 60_000, signal);
          return approveInVain(draft);
        case 'bypass':
          attempts.bypassed += await bypass.tryAll(draft);
          await desk.reject(id);
          attempts.bypassed += await bypass.tryAll(draft);
      }
    };

    const victims = [...services.filter(({ name }) => name === 'sender' || name === 'journal'), killableNats(ground)];
    const plan = control ? [] : strikes(random, [...victims, ...(postgres ? [postgres] : [])], full ? 25 : 3);
    const striking = (async () => {
      for (const victim of plan) {
        await delay(random.int(200, 800), undefined, { signal });
        await victim.kill();
        await delay(random.int(0, 500), undefined, { signal });
        await victim.restart();
      }
    })();
    striking.catch(() => {}); // awaited below, unless something else fails before it
    // Spread over the time that the kills take.
    const spreadMs = plan.length * 1_500;
    const treated = drafts
      .filter((draft) => draft.plan !== 'race')
      .map(async (draft) => {
        await delay(random.int(0, spreadMs), undefined, { signal });
        await treat(draft);
      });
    await Promise.all([striking, ...treated]);
    log(`${plan.length} kills`);
    // Nothing of the race is under way while the sender is gone, so each of its approvals is one message, for certain.
    if (!control) await sender?.kill();
    const racing = drafts.filter((draft) => draft.plan === 'race');
    for (let from = 0; from < racing.length; from += 20) await Promise.all(racing.slice(from, from + 20).map(treat));
    if (!control) await sender?.restart();
    log('all are decided');
    const isStill = async () => {
      const [open] = await ground.store.query<{ n: number }>(
        `select count(*)::int as n from journal.rows where method = 'messages.deliver' and state in ('queued', 'attempting', 'unknown')`,
      );
      return open?.n === 0;
    };
    const settled = await eventually(isStill, full ? 600_000 : 60_000, signal);

    const rows = await ground.store.query<{ id: string; state: string; attempts: number; approvals: number }>(
      `select id, state, attempts, (select count(*)::int from jsonb_array_elements(audit) deed where deed->>'did' like 'approved%') as approvals
       from journal.rows where method = 'messages.deliver'`,
    );
    const states = new Map(rows.map(({ id, state }) => [id, state]));
    // Two independent witnesses: what people said yes to, and what the journal wrote down of it.
    const unwritten = rows.filter((row) => row.attempts > 0 && row.approvals === 0).length;
    const counts = { sent: 0, sentOfRaced: 0, inReview: 0, twice: 0, withoutApproval: 0, unwritten, lost: 0, winners: 0 };
    for (const draft of drafts) {
      const out = telegram.sent.filter(({ chatId }) => chatId === draft.customer);
      const mustGo = ['race', 'approved', 'edit_after'].includes(draft.plan) || (draft.plan === 'edit_race' && draft.winners > 0);
      counts.sent += out.length;
      if (draft.plan === 'race') counts.sentOfRaced += out.length;
      counts.winners += draft.winners;
      counts.twice += Math.max(0, out.length - 1);
      const unapproved = out.filter(({ text }) => !draft.approved.has(text)).length;
      counts.withoutApproval += unapproved;
      if (unapproved > 0 && !control) log(`${draft.plan}: sent without an approval of it`);
      // Killed in the attempt: a person finds out. It may have gone out, and no more than once.
      if (states.get(draft.id) === 'review') counts.inReview += 1;
      else if (mustGo && out.length === 0) {
        counts.lost += 1;
        log(`${draft.plan}: ${states.get(draft.id)}, and nothing was sent`);
      }
    }
    const tooMany = drafts.reduce((sum, { winners }) => sum + Math.max(0, winners - 1), 0);
    const harm =
      counts.twice +
      counts.withoutApproval +
      unwritten +
      (control ? 0 : attempts.bypassed + counts.lost + tooMany + Math.abs(raced - counts.sentOfRaced) + (settled ? 0 : 1));
    return { ok: harm === 0, harm, drafts: drafts.length, ...attempts, ...counts, approvedTwice: tooMany, kills: plan.length, settled };
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

async function stateOf({ store }: Ground, id: string, signal: AbortSignal): Promise<string | undefined> {
  const { value } = await insist(() => store.query<{ state: string }>('select state from journal.rows where id = $1', [id]), signal);
  return value[0]?.state;
}
