import { setTimeout as delay } from 'node:timers/promises';
import { type AmoFake, amoFake, amoIntegration } from '../../adapters/vendors/amocrm/fake.ts';
import type { BusHost } from '../../bus/bus.ts';
import { connections } from '../../contracts/connections.ts';
import { crm } from '../../contracts/crm.ts';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { type Ground, openGround } from './ground.ts';
import { killableService } from './killable.ts';
import type { FaultTest } from './test.ts';

const dayMs = 86_400_000;
const callsAtOnce = 50;
/** The lease of the lock is too long to wait for it. */
const leaseMs = 1_500;

export const tokenStorm: FaultTest = {
  id: 'TOKEN',
  title: '50 calls at once on an expired amoCRM token in two processes, and a process killed between the answer and its commit',
  async run(options) {
    const { full, control, log } = options;
    await using ground = await openGround(options);
    let aheadMs = 0;
    const fake = await amoFake({ now: () => Date.now() + aheadMs, limit: 100_000, blockedAfter: 100_000 });
    try {
      const bus = await ground.client();
      const start = () => killableService(ground, 'crm-connector', settingsOf(ground, fake));
      const consenting = await start();
      await changeLeases(ground, control ? null : leaseMs);
      const refreshes = (): number => fake.seen.filter(({ body }) => body.includes('"refresh_token"')).length;
      const expire = async (): Promise<void> => {
        aheadMs += dayMs;
        await ground.store.query(
          `update crm_connector.tokens set issued_at = issued_at - interval '1 day', expires_at = expires_at - interval '1 day'`,
        );
      };
      await consent(bus);
      await consenting.kill();

      const counts = { rounds: 0, calls: 0, refreshes: 0, extra: 0, failed: 0, kills: 0, extraAfterKills: 0, loops: 0, notAsked: 0 };
      for (let round = 0; round < (full ? 20 : 1); round += 1) {
        const both = await Promise.all([start(), start()]);
        await expire();
        // The answer takes a while, so that both processes find the token expired.
        fake.order({ do: 'slow', ms: 300, on: tokenPath, times: control ? 2 : 1 });
        const before = refreshes();
        const outcomes = await storm(bus);
        const sent = refreshes() - before;
        log(`round ${round + 1}: ${sent} refreshes, ${JSON.stringify(tally(outcomes))}`);
        counts.rounds += 1;
        counts.calls += outcomes.length;
        counts.refreshes += sent;
        counts.extra += Math.max(0, sent - 1);
        counts.failed += outcomes.filter((outcome) => outcome !== 'ok').length;
        await Promise.all(both.map((each) => each.kill()));
        if (control) return { ok: counts.extra === 0, harm: counts.extra, ...counts };
      }

      // `executes`: the provider has issued other tokens, which died with the process.
      for (const executes of Array.from({ length: full ? 10 : 2 }, (_, nth) => nth % 2 === 0)) {
        const first = await start();
        await expire();
        const { struck } = fake.order({ do: 'hang', on: tokenPath, executes });
        const before = refreshes();
        const during = storm(bus);
        await struck;
        await first.kill();
        const second = await start();
        await during;
        const outcomes = await storm(bus);
        const sent = refreshes() - before;
        await Promise.all([storm(bus), delay(leaseMs)]);
        const after = await storm(bus);
        const [connection] = (await bus.call(connections.list, {})).items.filter(({ kind }) => kind === 'crm');
        const isAsked = connection?.state === 'needs_reauthorisation';
        log(
          `killed ${executes ? 'after' : 'before'} the tokens were issued: ${sent} refreshes, ${JSON.stringify(tally(outcomes))}, ${connection?.state}`,
        );
        counts.kills += 1;
        counts.extraAfterKills += Math.max(0, sent - 2);
        counts.loops += refreshes() - before - sent;
        const expected = executes ? 'reauthorise' : 'ok';
        counts.notAsked += Number(isAsked !== executes) + [...outcomes, ...after].filter((outcome) => outcome !== expected).length;
        if (executes) await consent(bus);
        await second.kill();
      }
      const harm = counts.extra + counts.failed + counts.extraAfterKills + counts.loops + counts.notAsked;
      return { ok: harm === 0, harm, ...counts };
    } finally {
      await fake.close();
    }
  },
};

const tokenPath = 'POST oauth2/access_token';

function settingsOf({ natsUrl, databaseUrl }: Ground, { url }: AmoFake): Readonly<Record<string, string>> {
  return {
    NATS_URL: natsUrl,
    DATABASE_URL: databaseUrl,
    LOG_LEVEL: 'error',
    HTTP_ALLOW_PRIVATE: url,
    POLYB_SECRET_KEY: 'the secret key of the fault tests: a token storm',
    CRM_KIND: 'amocrm',
    AMOCRM_SUBDOMAIN: 'fake',
    AMOCRM_URL: url,
    AMOCRM_OAUTH_URL: `${url}/oauth`,
    AMOCRM_CLIENT_ID: amoIntegration.clientId,
    AMOCRM_CLIENT_SECRET: amoIntegration.clientSecret,
    AMOCRM_REDIRECT_URI: amoIntegration.redirectUri,
    AMOCRM_REQUESTS_PER_SECOND: '1000',
  };
}

/** Shortens the leases of the lock of tokens; null: nothing is locked. */
async function changeLeases({ store }: Ground, ms: number | null): Promise<void> {
  const until = ms === null ? 'null' : `least(new.locked_until, clock_timestamp() + interval '${ms} milliseconds')`;
  await store.query(
    `create function change_lease() returns trigger language plpgsql as $$ begin new.locked_until = ${until}; return new; end $$`,
  );
  await store.query('create trigger change_lease before update on crm_connector.tokens for each row execute function change_lease()');
}

/** A person consents at the page of the provider. */
async function consent(bus: BusHost): Promise<void> {
  const { url } = await bus.call(connections.begin_consent, { connection: 'main' });
  const page = await (await fetch(url)).text();
  const callback = new URL(/href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '').searchParams;
  await bus.call(connections.finish_consent, { connection: 'main', callback: Object.fromEntries(callback) });
}

async function storm(bus: BusHost): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: callsAtOnce }, (_, nth) =>
      bus.call(crm.find_contact, { phoneNumber: `+7999${String(1_000_000 + nth)}` }, { timeoutMs: 20_000 }).then(
        () => 'ok',
        (thrown: unknown) => {
          const { reason, code } = toPolybError(thrown);
          return reason ?? code;
        },
      ),
    ),
  );
}
function tally(outcomes: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...new Set(outcomes)].map((outcome) => [outcome, outcomes.filter((each) => each === outcome).length]));
}
