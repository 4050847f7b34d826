import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { espoUsers } from '../../adapters/vendors/espocrm/fake.ts';
import type { BusHost } from '../../bus/bus.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import type { Child } from './child.ts';
import { type Ground, linesOf, openGround } from './ground.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const folders = ['pipelines', 'call-orchestrator', 'telephony-gateway', 'crm-connector'] as const;
type Victim = (typeof folders)[number] | 'nats-server';

export const leadToCall: FaultTest = {
  id: 'LEAD',
  title: 'runs of pipelines.lead_to_call while each daemon and nats-server are killed in their midst, and the CRM loses answers',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const [runs, killsEach, overMs] = full ? [2_000, 100, 1_200_000] : control ? [12, 1, 8_000] : [60, 3, 25_000];
    await using ground = await openGround(options);
    const crmFile = join(ground.dir, 'crm.jsonl');
    const callsFile = join(ground.dir, 'calls.jsonl');
    const crm = await ground.start({ file: './espocrm.ts', args: [crmFile] });
    const crew = await daemonsOf(ground, settingsOf(ground, String(crm.told), callsFile));
    const bus = await ground.client();
    const phones = Array.from({ length: runs }, (_, nth) => `+7999${String(1_000_000 + nth * 100).padStart(7, '0')}`);
    const victims = random.shuffled(Array.from({ length: killsEach }, () => [...folders, 'nats-server'] as Victim[]).flat());
    const striking = (async () => {
      for (const victim of victims) {
        await delay(random.int(0.5, 1.5) * (overMs / victims.length) + random.int(0, 300), undefined, { signal });
        await crew.kill(victim);
      }
    })();
    const give = AbortSignal.timeout(overMs + (full ? 600_000 : 100_000));
    const patience = AbortSignal.any([signal, give]);
    const statuses = await Promise.all(
      phones.map(async (phoneNumber, nth) => {
        await delay((nth / runs) * overMs, undefined, { signal });
        return control ? naiveRun(bus, phoneNumber, patience) : finishedRun(bus, phoneNumber, `lead ${nth}`, patience);
      }),
    );
    await striking;
    const completed = statuses.filter((status) => status === 'completed').length;
    const broken = await ground.store.query<{ said: string }>(
      `select distinct concat_ws(' ', method, state, error->>'code', error->>'reason', error->>'detail') as said from journal.rows
       where state not in ('done', 'waiting') order by said limit 10`,
    );
    for (const { said } of broken) log(said);

    const made = linesOf(crmFile).map((line) => Made.parse(JSON.parse(line)));
    const calls = linesOf(callsFile).map((line) => Placed.parse(JSON.parse(line)));
    const per = (what: string): { extra: number; missing: number } =>
      against(
        phones,
        what === 'Dialled'
          ? calls.map(({ phoneNumber }) => phoneNumber)
          : made.filter(({ did, entity }) => did === 'create' && entity === what).map(phoneOf),
      );
    const counted = { contacts: per('Contact'), leads: per('Lead'), logged: per('Call'), dialled: per('Dialled') };
    const sum = (of: 'extra' | 'missing'): number => Object.values(counted).reduce((total, each) => total + each[of], 0);
    const [duplicated, missing] = [sum('extra'), sum('missing')];
    const harm = control ? duplicated : duplicated + missing + runs - completed;
    return {
      ok: harm === 0,
      harm,
      runs,
      kills: victims.length,
      completed,
      contactsTwice: counted.contacts.extra,
      leadsTwice: counted.leads.extra,
      callsTwice: counted.dialled.extra,
      loggedTwice: counted.logged.extra,
      missing,
    };
  },
};

const Made = z.object({ did: z.string(), entity: z.string(), record: z.record(z.string(), z.unknown()) });
const Placed = z.object({ ref: z.string(), callId: z.string(), phoneNumber: z.string() });

/** A logged call names the phone among its words. */
function phoneOf({ record }: z.output<typeof Made>): string {
  return /\+7999\d{7}/.exec(JSON.stringify(record))?.[0] ?? '';
}
/** How many of what there should be once are there more than once, and how many are not there. */
function against(phones: readonly string[], found: readonly string[]): { extra: number; missing: number } {
  const there = new Set(found);
  return { extra: found.length - there.size, missing: phones.filter((phone) => !there.has(phone)).length };
}

function settingsOf({ natsUrl, databaseUrl }: Ground, crmUrl: string, callsFile: string): Readonly<Record<string, string>> {
  return {
    NATS_URL: natsUrl,
    DATABASE_URL: databaseUrl,
    LOG_LEVEL: 'error',
    HTTP_ALLOW_PRIVATE: crmUrl,
    CRM_KIND: 'espocrm',
    ESPOCRM_URL: crmUrl,
    ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPOCRM_ASSIGNED_USER_ID: espoUsers.userId,
    ESPOCRM_REFERENCE_FIELD: 'cPolybRef',
    // Nothing is frozen here, and the stand-in answers at once: what was sent has arrived.
    ESPOCRM_SETTLE_MS: '3000',
    TELEPHONY_KIND: 'simulator',
    TELEPHONY_SIM_RING_MS: '300',
    TELEPHONY_SIM_TALK_MS: '600',
    TELEPHONY_SIM_EFFECTS_FILE: callsFile,
  };
}

/** One daemon of each folder; one that is killed is started again at once, as its supervisor would. */
async function daemonsOf(ground: Ground, env: Readonly<Record<string, string>>): Promise<{ kill(victim: Victim): Promise<void> }> {
  const running = new Map<Victim, Child>();
  const start = async (folder: (typeof folders)[number]): Promise<void> => {
    running.set(folder, await ground.start({ file: '../../runtime/serve.ts', args: [folder], env }));
  };
  await Promise.all(folders.map(start));
  return {
    async kill(victim) {
      if (victim === 'nats-server') {
        await ground.killNats();
        await ground.restartNats();
        return;
      }
      running.get(victim)?.kill('SIGKILL');
      await start(victim);
    },
  };
}

/** Starts the run and asks with its key until it has ended. */
async function finishedRun(bus: BusHost, phoneNumber: string, key: string, signal: AbortSignal): Promise<string> {
  let last = 'never started';
  while (!signal.aborted) {
    try {
      const { status } = await bus.call(pipelines.lead_to_call, lead(phoneNumber), { key, signal });
      last = status;
      if (status !== 'running' && status !== 'waiting') return status;
    } catch (thrown) {
      if (!isPolybError(thrown)) throw thrown;
      last = thrown.code;
    }
    await delay(250, undefined, { signal }).catch(() => {}); // the loop sees it
  }
  return last;
}
/** Whoever has no key asks anew when no good answer comes. */
async function naiveRun(bus: BusHost, phoneNumber: string, signal: AbortSignal): Promise<string> {
  for (let attempt = 1; !signal.aborted && attempt <= 4; attempt += 1) {
    try {
      const { status } = await bus.call(pipelines.lead_to_call, lead(phoneNumber), {
        key: `${phoneNumber} ${attempt}`,
        timeoutMs: 1_500,
        retry: false,
        signal,
      });
      if (status === 'completed') return status;
    } catch (thrown) {
      if (!isPolybError(thrown)) throw thrown;
    }
  }
  return 'given up';
}
/** The CRM takes two people of one name for one person, so each has a name of his own. */
const lead = (phoneNumber: string) => ({ firstName: 'Иван', lastName: `Иванов ${phoneNumber.slice(-7)}`, phoneNumber, waitMs: 5_000 });
