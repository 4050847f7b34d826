import { setTimeout as delay } from 'node:timers/promises';
import { calls } from '../../contracts/calls.ts';
import { type SipPhone, sipPhones } from '../kit/sip-phone.ts';
import { openGround } from './ground.ts';
import { killableService } from './killable.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

/** Ends of calls of a dead gateway: its silence until it counts as dead, and what ending takes. */
const promisedMs = 10_000;
const dialledMs = 90_000;

export const t28: FaultTest = {
  id: 'T28',
  title:
    'calls over SIP while the gateway is killed at any moment: who is rung twice, who is left ringing or talking, which call never ends',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const [count, kills] = full ? [2_000, 200] : control ? [20, 1] : [200, 20];
    const talkers: SipPhone[] = [];
    const phones = await sipPhones({
      // Some ring for ever, the others talk for ever: only the system ends a call.
      onCall(phone) {
        talkers.push(phone);
        phone.ring();
        if (random.chance(0.7)) setTimeout(() => phone.hasEnded() || phone.answer(), random.int(20, 600));
      },
    });
    await using ground = await openGround(options);
    const env = {
      ...{ NATS_URL: ground.natsUrl, DATABASE_URL: ground.databaseUrl, LOG_LEVEL: 'error', BLOB_DIR: ground.dir },
      ...{ TELEPHONY_KIND: 'sip', SIP_TRUNK: phones.uri, SIP_CALLER_ID: '+74951234567', TELEPHONY_RECORDING_DIR: ground.dir },
      ...{ CALL_HOURS: '00:00-24:00', TELEPHONY_RING_MS: '300000', TELEPHONY_UNATTENDED_MS: '600000', SIP_CALLS_PER_SECOND: '1000' },
    };
    const orchestrator = await killableService(ground, 'call-orchestrator', env);
    const gateway = await killableService(ground, 'telephony-gateway', env);
    const bus = await ground.client();
    const started = Array.from({ length: count }, (_, nth) => `+7999${String(1_000_000 + nth)}`);
    const starting = (async () => {
      for (const [nth, phoneNumber] of started.entries()) {
        await bus.call(calls.start_call, { leadId: `lead_${nth}`, phoneNumber }, { key: `call-${nth}`, signal });
        await delay(random.int(0, (2 * 2_000 * kills) / count), undefined, { signal });
      }
    })();
    for (let kill = 1; kill < kills; kill += 1) {
      await delay(random.int(200, 3_500), undefined, { signal });
      await gateway.kill();
      await gateway.restart();
    }
    await starting;
    // Every call that was asked for has been dialled, or is refused for good.
    const dialled = async (): Promise<number> => {
      const [row] = await ground.store.query<{ count: number }>(
        `select count(*)::int as count from journal.rows where method = 'telephony.dial' and state in ('queued', 'attempting', 'unknown')`,
      );
      return row?.count ?? 0;
    };
    for (const until = performance.now() + dialledMs; (await dialled()) > 0 && performance.now() < until; )
      await delay(200, undefined, { signal });
    await gateway.kill();
    // The control leaves it dead: nothing ends the calls of its phones.
    if (!control) await gateway.restart();
    await delay(promisedMs, undefined, { signal });
    const left = talkers.filter((phone) => !phone.hasEnded()).length;
    await delay(2_000, undefined, { signal });
    const rung = new Map<string, number>();
    for (const { number } of talkers) rung.set(number ?? '', (rung.get(number ?? '') ?? 0) + 1);
    const twice = [...rung.values()].filter((times) => times > 1).length;
    const [row] = await ground.store.query<{ count: number }>(
      `select count(*)::int as count from call_orchestrator.calls where state <> 'ended'`,
    );
    const endless = row?.count ?? 0;
    log(`${talkers.length} INVITEs for ${count} calls, ${kills} kills`);
    await orchestrator.kill();
    await phones.close();
    const harm = twice + left + endless;
    // A dial that has waited a minute for a gateway is refused, which ends its call.
    return { ok: harm === 0 && rung.size > count / 5, harm, calls: count, rung: rung.size, kills, twice, leftAfter10s: left, endless };
  },
};
