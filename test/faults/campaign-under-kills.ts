import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Temporal } from 'temporal-polyfill';
import type { z } from 'zod';
import type { BusHost } from '../../bus/bus.ts';
import { calls } from '../../contracts/calls.ts';
import { campaigns } from '../../contracts/campaigns.ts';
import type { Child } from './child.ts';
import { eventually, type Ground, linesOf, openGround } from './ground.ts';
import { type Killable, killableService } from './killable.ts';
import { type MovedTime, movedTime } from './moved-time.ts';
import type { MovedWorkerSetup } from './moved-worker.ts';
import type { NaiveDialerSetup } from './naive-dialer.ts';
import { randomFrom } from './random.ts';
import type { FaultTest, RunOptions } from './test.ts';

/** One area code of each zone of Russia. */
const areas: Readonly<Record<string, string>> = {
  '401': 'Europe/Kaliningrad',
  '495': 'Europe/Moscow',
  '846': 'Europe/Samara',
  '343': 'Asia/Yekaterinburg',
  '381': 'Asia/Omsk',
  '391': 'Asia/Krasnoyarsk',
  '395': 'Asia/Irkutsk',
  '302': 'Asia/Yakutsk',
  '423': 'Asia/Vladivostok',
  '413': 'Asia/Magadan',
  '415': 'Asia/Kamchatka',
};
const zones = Object.keys(areas);
/** 10:00 to 12:00, every day, where the member is. */
const [fromHour, toHour] = [10, 12];
const windows = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from: '10:00', to: '12:00' }));
const stepMs = 30 * 60_000;
/** The last zone closes at 10:00 UTC; on the second day those are called again who did not answer. */
const days = 2;
const stepsOfDay = 13 * 2;
const nightMs = 86_400_000 - stepsOfDay * stepMs;
const attempts = 2;
/** By the simulator: these endings are never answered. */
const endings = { busy: '90', noAnswer: '91', refusedByGateway: '93' } as const;

interface Made {
  readonly phone: string;
  /** By the moved clock. */
  readonly at: number;
}

export const t30: FaultTest = {
  id: 'T30',
  title:
    'a campaign over members in 11 zones while its daemons are killed and the clock moves: who is called outside their window, from the do-not-call list, or twice',
  async run(options) {
    const { seed, full, control, log } = options;
    const random = randomFrom(seed);
    const [members, kills] = full ? [10_000, 200] : control ? [220, 10] : [1_000, 20];
    const phones = Array.from({ length: members }, (_, n) => `+7${zones[n % zones.length]}${String(2_000_000 + n)}`);
    // Some are on the list from the beginning, others come while their zone has not been called yet.
    const [listed, later] = [
      phones.filter((_, n) => n % 50 === 7),
      phones.filter((phone, n) => n % 50 === 22 && phone.startsWith('+7401')),
    ];
    await using ground = await openGround(options);
    const effects = join(ground.dir, 'effects.jsonl');
    const clockFile = join(ground.dir, 'clock');
    const time = movedTime(clockFile, Date.parse('2026-05-04T21:30:00Z'));
    const run: Run = { ...options, ground, effects, clockFile, time, phones, listed, later, kills, random };
    const settings = {
      ...{ NATS_URL: ground.natsUrl, DATABASE_URL: ground.databaseUrl, LOG_LEVEL: 'error', TELEPHONY_SIM_EFFECTS_FILE: effects },
      ...{ TELEPHONY_SIM_RING_MS: '20', TELEPHONY_SIM_TALK_MS: '60', TELEPHONY_SIM_NO_ANSWER_MS: '60', CALL_MAX_MS: '24h' },
    };
    const gateway = await killableService(ground, 'telephony-gateway', settings);
    const made = control ? await dialNaively(run) : await runCampaign(run, gateway, settings);

    const refused = new Set([...listed, ...later]);
    const timesOf = new Map<string, number>();
    for (const { phone } of made) timesOf.set(phone, (timesOf.get(phone) ?? 0) + 1);
    const mayBeCalled = (phone: string): number => (/(90|91)$/.test(phone) ? attempts : 1);
    const outside = made.filter((call) => !isInside(call)).length;
    const onList = made.filter(({ phone }) => refused.has(phone)).length;
    const twice = [...timesOf].filter(([phone, times]) => times > mayBeCalled(phone)).length;
    const callable = phones.filter((phone) => !refused.has(phone) && !phone.endsWith(endings.refusedByGateway));
    const missed = callable.filter((phone) => !timesOf.has(phone)).length;
    log(`${made.length} calls to ${timesOf.size} of ${members} phones`);
    // A control that shows only some of the three harms proves nothing about the others.
    const isEach = outside > 0 && onList > 0 && twice > 0;
    const harm = control && !isEach ? 0 : outside + onList + twice;
    return {
      ok: harm === 0 && missed === 0,
      harm,
      members,
      zones: zones.length,
      kills,
      calls: made.length,
      outside,
      onList,
      twice,
      missed,
    };
  },
};

interface Run extends RunOptions {
  readonly ground: Ground;
  readonly effects: string;
  readonly clockFile: string;
  readonly time: MovedTime;
  readonly phones: readonly string[];
  readonly listed: readonly string[];
  readonly later: readonly string[];
  readonly kills: number;
  readonly random: ReturnType<typeof randomFrom>;
}

function isInside({ phone, at }: Made): boolean {
  const zone = areas[phone.slice(2, 5)] ?? '';
  const { hour } = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  return fromHour <= hour && hour < toHour;
}

async function movedService(
  { ground, clockFile }: Pick<Run, 'ground' | 'clockFile'>,
  folder: string,
  settings: Record<string, string>,
): Promise<Killable> {
  const { natsUrl, databaseUrl } = ground;
  const setup: z.input<typeof MovedWorkerSetup> = { folder, clockFile, natsUrl, databaseUrl, settings };
  const start = (): Promise<Child> => ground.start({ file: 'moved-worker.ts', args: [JSON.stringify(setup)] });
  let child = await start();
  return {
    name: folder,
    async kill() {
      child.kill('SIGKILL');
      await child.exited;
    },
    async restart() {
      child = await start();
    },
  };
}

async function runCampaign(run: Run, gateway: Killable, settings: Record<string, string>): Promise<readonly Made[]> {
  const { ground, effects, time, phones, listed, later, kills, random, signal, log } = run;
  const victims = [await movedService(run, 'campaigns', settings), await movedService(run, 'call-orchestrator', settings), gateway];
  const bus = await ground.client();
  for (const phoneNumber of listed) await bus.call(calls.forbid_calls, { phoneNumber, reason: 'asked us' }, { signal });
  const campaignId = await begin(bus, phones, signal);
  const busy = async (): Promise<boolean> =>
    (
      await ground.store.query(`select from campaigns.members where state = 'dialling' or (state = 'waiting' and due_at <= $1) limit 1`, [
        new Date(time.now()),
      ])
    ).length > 0;
  const steps = days * stepsOfDay;
  const struck = random.shuffled(Array.from({ length: steps }, (_, step) => step)).slice(0, kills);
  let toKill = kills - struck.length;
  for (let step = 0; step < steps; step += 1) {
    if (step === stepsOfDay / 2)
      for (const phoneNumber of later) await bus.call(calls.forbid_calls, { phoneNumber, reason: 'asked us' }, { signal });
    for (let kill = struck.includes(step) ? 1 + Math.ceil(toKill / (steps - step)) : 0; kill > 0; kill -= 1) {
      const victim = random.pick(victims);
      // Some calls of this step are under way.
      await delay(random.int(0, 400), undefined, { signal });
      await victim.kill();
      // A call that was sent before the end of a window meets an orchestrator that comes after it. A dial waits for its gateway in real time.
      if (victim !== gateway && random.chance(0.5)) time.advance(stepMs);
      await victim.restart();
      toKill = Math.max(0, toKill - 1);
    }
    // Most steps wait for their calls; the others move the clock under them.
    if (random.chance(0.8)) await eventually(async () => !(await busy()), 20_000, signal);
    else await delay(random.int(0, 300), undefined, { signal });
    time.advance(stepMs + (step % stepsOfDay === stepsOfDay - 1 ? nightMs : 0));
  }
  // Whoever missed their windows in the steps that a kill took has theirs on the next days.
  for (let more = 0; more < 3 * stepsOfDay && (await waits(bus, campaignId, signal)); more += 1) {
    await eventually(async () => !(await busy()), 20_000, signal);
    time.advance(stepMs + (more % stepsOfDay === stepsOfDay - 1 ? nightMs : 0));
  }
  const { counts } = await bus.call(campaigns.get_campaign, { campaignId }, { signal });
  log(`members: ${JSON.stringify(counts)}`);
  for (const victim of victims) await victim.kill();
  const startedAt = new Map(
    (await ground.store.query<{ call_id: string; created_at: Date }>('select call_id, created_at from call_orchestrator.calls')).map(
      ({ call_id, created_at }) => [call_id, created_at.getTime()],
    ),
  );
  return effectsIn(effects).map(({ phoneNumber, callId }) => ({ phone: phoneNumber, at: startedAt.get(callId) ?? 0 }));
}
async function waits(bus: BusHost, campaignId: string, signal: AbortSignal): Promise<boolean> {
  const { counts } = await bus.call(campaigns.get_campaign, { campaignId }, { signal });
  return counts.waiting + counts.dialling > 0;
}
async function begin(bus: BusHost, phones: readonly string[], signal: AbortSignal): Promise<string> {
  const rules = { windows, inFlight: 60, perHour: 100_000, attempts, callsOnHolidays: true };
  const { campaignId } = await bus.call(campaigns.create_campaign, { name: 'storm', rules }, { key: 'storm', signal });
  for (let at = 0; at < phones.length; at += 500) {
    const members = phones.slice(at, at + 500).map((phoneNumber) => ({ phoneNumber, consent: 'договор' }));
    await bus.call(campaigns.add_members, { campaignId, members }, { signal });
  }
  await bus.call(campaigns.start_campaign, { campaignId }, { signal });
  return campaignId;
}

/** The clock stands where Moscow is inside its window. */
async function dialNaively({ ground, effects, clockFile, time, phones, kills, random, signal }: Run): Promise<readonly Made[]> {
  const doneFile = join(ground.dir, 'done');
  const setup: z.input<typeof NaiveDialerSetup> = { natsUrl: ground.natsUrl, clockFile, doneFile, phones: [...phones] };
  const start = (): Promise<Child> => ground.start({ file: 'naive-dialer.ts', args: [JSON.stringify(setup)] });
  time.advance(10 * 3_600_000);
  let child = await start();
  for (let kill = 0; kill < kills; kill += 1) {
    const before = linesOf(doneFile).length;
    await eventually(() => linesOf(doneFile).length > before || !child.alive, 20_000, signal);
    await delay(random.int(0, 30), undefined, { signal });
    child.kill('SIGKILL');
    await child.exited;
    child = await start();
  }
  await eventually(() => linesOf(doneFile).length >= phones.length * 0.9, 60_000, signal);
  child.kill('SIGKILL');
  await child.exited;
  return effectsIn(effects).map(({ phoneNumber, callId }) => ({ phone: phoneNumber, at: Number(callId.split('-')[1]) }));
}

const effectsIn = (file: string) =>
  linesOf(file).map((line) => JSON.parse(line) as { readonly callId: string; readonly phoneNumber: string });
