/** Kills the parts of a talk in mid-call: the agent, its dialog while a tool books, and the bus. */
import { setTimeout as delay } from 'node:timers/promises';
import { company } from '../../contracts/company.ts';
import { encode } from '../../media/audio/g711.ts';
import salon from '../../services/crm-connector/salon.json' with { type: 'json' };
import { voice } from '../kit/voice.ts';
import { eventually } from './ground.ts';
import { killableService } from './killable.ts';
import { randomFrom } from './random.ts';
import { sayingOf } from './speech-worker.ts';
import { toneOf } from './spoken-words.ts';
import { greeting, openTalkBed, type TalkBed, type Talking } from './talk-bed.ts';
import type { FaultTest, RunOptions } from './test.ts';

/** What each customer says, one line after each answer. */
const lines = [
  'алло',
  'запишите меня на стрижку',
  'ближайшее время',
  'давайте первое',
  'меня зовут иван',
  'да подтверждаю',
  'спасибо до свидания',
];
const filler = 'Секунду, пожалуйста.';
const atOnce = 3;
/** An unattended leg is hung up after the first; the second also covers storing the end of its call. */
const unattendedMs = 3_000;
const promisedMs = 15_000;

/** A desk that books, with an ear that hears the lines of the customers. */
async function openDesk(options: RunOptions, settings: { readonly unattendedMs: number; readonly off?: 'failure' | null }) {
  const bed = await openTalkBed(options, settings);
  const { natsUrl, databaseUrl } = bed.ground;
  const env = {
    ...{ NATS_URL: natsUrl, DATABASE_URL: databaseUrl, LOG_LEVEL: 'error' },
    POLYB_SECRET_KEY: 'the secret key of the fault tests: bookings in talks',
  };
  await bed.ground.start({ file: '../../runtime/serve.ts', args: ['journal', 'crm-connector'], env });
  const dialog = await killableService(bed.ground, 'dialog-orchestrator', env);
  await bed.speech({ as: 'ear', phrases: lines });
  await bed.speech({ as: 'voice' });
  await bed.bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never }, { timeoutMs: 30_000 });
  return { bed, dialog, agent: await bed.orchestrator(settings.off ?? null) };
}

/** Says the lines until one side hangs up, each after an answer to the one before. */
async function converse(talk: Talking, nth: number): Promise<void> {
  for (const [n] of lines.entries()) {
    if (talk.phone.state !== 'talking') return;
    await talk.phone.say(encode('PCMU', voice(700, 10 * nth + n, false)));
    if (!(await isAnswered(talk))) return;
  }
}
/** A filler is no answer. */
async function isAnswered(talk: Talking): Promise<boolean> {
  while (await talk.untilSilent()) if (!talk.latest().equals(sayingOf(filler))) return true;
  return false;
}
async function bookings({ ground }: TalkBed, phone: string): Promise<number> {
  const [row] = await ground.store.query<{ n: number }>(
    `select count(*)::int as n from crm_connector.appointments a join crm_connector.contact_phones p on p.contact_id = a.client_id
     where p.phone = $1 and a.status <> 'cancelled'`,
    [phone],
  );
  return row?.n ?? 0;
}
/** Bookings that a tool has begun. */
async function bookingsBegun({ ground }: TalkBed): Promise<number> {
  const [row] = await ground.store.query<{ n: number }>(
    `select count(*)::int as n from journal.rows where method = 'booking.create_appointment' and state <> 'proposed'`,
  );
  return row?.n ?? 0;
}

export const t34: FaultTest = {
  id: 'T34',
  title: 'the agent is killed in mid-talk while a tool of the dialog books: who is booked or called twice, whose call never ends',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const rounds = full ? 30 : control ? 1 : 3;
    // The control has a gateway that keeps the legs on which nobody speaks.
    const desk = await openDesk(options, { unattendedMs: control ? 600_000 : unattendedMs });
    await using bed = desk.bed;
    let { agent } = desk;
    const counts = { talks: 0, kills: 0, booked: 0, bookedTwice: 0, rungTwice: 0, leftOnTheLine: 0, endless: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const talks = await Promise.all(Array.from({ length: atOnce }, (_, nth) => bed.callOut(`talk-${round}-${nth}`)));
      const begun = await bookingsBegun(bed);
      const conversing = Promise.all(talks.map((talk, nth) => converse(talk, nth)));
      await eventually(async () => (await bookingsBegun(bed)) > begun, 90_000, signal);
      await delay(random.int(0, 100), undefined, { signal });
      agent.kill('SIGKILL');
      await agent.exited;
      counts.kills += 1;
      agent = await bed.orchestrator();
      await eventually(() => talks.every(({ phone }) => phone.state === 'ended'), promisedMs, signal);
      counts.leftOnTheLine += talks.filter(({ phone }) => phone.state !== 'ended').length;
      await eventually(async () => (await bed.endless()) === 0, 10_000, signal);
      if (control) for (const { phone } of talks) phone.hangUp();
      await conversing;
      for (const { number } of talks) {
        const booked = await bookings(bed, number);
        counts.talks += 1;
        counts.booked += booked;
        counts.bookedTwice += Math.max(0, booked - 1);
      }
    }
    counts.endless = control ? 0 : await bed.endless();
    counts.rungTwice = [...bed.rung.values()].filter((times) => times > 1).length;
    log(`${bed.rung.size} phones rang`);
    const harm = counts.bookedTwice + counts.rungTwice + counts.leftOnTheLine + counts.endless;
    return { ok: harm === 0 && counts.booked > 0, harm, ...counts };
  },
};

export const t35: FaultTest = {
  id: 'T35',
  title: 'the dialog is killed between what its tool has booked and the answer: who is booked twice, and who is left without a word',
  async run(options) {
    const { full, control, signal, log } = options;
    const rounds = full ? 30 : control ? 1 : 3;
    const desk = await openDesk(options, { unattendedMs, off: control ? 'failure' : null });
    await using bed = desk.bed;
    const { dialog } = desk;
    const counts = { talks: 0, kills: 0, struck: 0, booked: 0, bookedTwice: 0, withoutAWord: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const talks = await Promise.all(Array.from({ length: atOnce }, () => bed.callIn()));
      await Promise.all(talks.map((talk) => talk.untilSilent()));
      const conversing = Promise.all(talks.map((talk, nth) => converse(talk, nth)));
      const before = await appointments(bed);
      await eventually(async () => (await appointments(bed)) > before, 90_000, signal);
      const killedAt = Date.now();
      await dialog.kill();
      counts.kills += 1;
      const open = talks.filter(({ phone }) => phone.state === 'talking');
      counts.struck += open.length;
      await dialog.restart();
      const hasWord = async (talk: Talking): Promise<boolean> =>
        (await talk.transcript()).some(
          ({ who, text, startedAt }) => who === 'agent' && text !== filler && Date.parse(startedAt) > killedAt,
        );
      for (const talk of open) {
        const isHelped = await eventually(() => hasWord(talk), Math.max(0, killedAt + promisedMs - Date.now()), signal);
        if (isHelped) continue;
        counts.withoutAWord += 1;
        log(`${talk.number}, ${talk.phone.state}: ${(await talk.transcript()).map(({ text }) => text).join(' | ')}`);
      }
      for (const { phone } of talks) phone.hangUp();
      await conversing;
      for (const { number } of talks) {
        const booked = await bookings(bed, number);
        counts.talks += 1;
        counts.booked += booked;
        counts.bookedTwice += Math.max(0, booked - 1);
      }
    }
    const harm = counts.bookedTwice + counts.withoutAWord;
    return { ok: harm === 0 && counts.booked > 0 && counts.struck > 0, harm, ...counts };
  },
};
async function appointments({ ground }: TalkBed): Promise<number> {
  const [row] = await ground.store.query<{ n: number }>('select count(*)::int as n from crm_connector.appointments');
  return row?.n ?? 0;
}

const story = 'Мы работаем каждый день с десяти утра до девяти вечера без перерыва и без выходных.';

export const t36: FaultTest = {
  id: 'T36',
  title: 'nats-server is restarted under talks: whose leg stays without anybody who speaks, whose call never ends, and who calls next',
  async run(options) {
    const { full, control, signal } = options;
    const rounds = full ? 20 : control ? 1 : 3;
    await using bed = await openTalkBed(options, { unattendedMs: control ? 600_000 : unattendedMs });
    await bed.speech({ as: 'dialog', reply: [story] });
    await bed.speech({ as: 'ear' });
    await bed.speech({ as: 'voice' });
    await bed.orchestrator();
    const counts = { talks: 0, restarts: 0, leftOnTheLine: 0, endless: 0, notGreeted: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const talks = await Promise.all(Array.from({ length: atOnce }, () => bed.callIn()));
      await Promise.all(talks.map((talk) => talk.untilSilent()));
      for (const { phone } of talks) void phone.say(toneOf(['завтра']));
      const begun = Buffer.from(sayingOf(story).subarray(0, 1_600));
      await eventually(() => talks.every(({ heard }) => heard().includes(begun)), 10_000, signal);
      await bed.ground.killNats();
      await delay(500, undefined, { signal });
      await bed.ground.restartNats();
      counts.restarts += 1;
      counts.talks += talks.length;
      await eventually(() => talks.every(({ phone }) => phone.state === 'ended'), promisedMs, signal);
      counts.leftOnTheLine += talks.filter(({ phone }) => phone.state !== 'ended').length;
      for (const { phone } of talks) phone.hangUp();
      await eventually(async () => (await bed.endless()) === 0, 10_000, signal);
      const next = await bed.callIn();
      const isGreeted = await eventually(() => next.heard().includes(Buffer.from(sayingOf(greeting))), 10_000, signal);
      counts.notGreeted += isGreeted ? 0 : 1;
      next.phone.hangUp();
    }
    await eventually(async () => (await bed.endless()) === 0, 10_000, signal);
    counts.endless = await bed.endless();
    const harm = counts.leftOnTheLine + counts.endless + counts.notGreeted;
    return { ok: harm === 0, harm, ...counts };
  },
};
