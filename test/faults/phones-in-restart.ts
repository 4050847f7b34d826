import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { calls } from '../../contracts/calls.ts';
import { telephony } from '../../contracts/telephony.ts';
import { wavHeader } from '../../media/audio/wav.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { sipPhones } from '../kit/sip-phone.ts';
import { openEars } from './ears.ts';
import { openGround } from './ground.ts';
import { killableService } from './killable.ts';
import type { FaultTest } from './test.ts';

const talks = 20;
const gapMs = 200;
/** How long each talk goes on after the old instance was told to stop. */
const goesOnMs = 8_000;

/** A script that says nothing and waits: the pauses between its words would be counted as gaps. */
const silentLine = {
  start: 'wait',
  steps: { wait: { do: 'read_keys', prompt: { wav: 'silence.wav' }, timeoutMs: 600_000 } },
};

export const t29: FaultTest = {
  id: 'T29',
  title: `${talks} calls over SIP while the gateway is restarted: who is cut off, and what its callers hear`,
  async run(options) {
    const { control, signal, log } = options;
    const ears = openEars();
    const phones = await sipPhones({
      worker: ears,
      onCall(phone) {
        phone.ring();
        phone.answer();
      },
    });
    await using ground = await openGround(options);
    const port = await freePort();
    const script = join(ground.dir, 'line.json');
    const silence = Buffer.alloc(1_600);
    await writeFile(join(ground.dir, 'silence.wav'), Buffer.concat([wavHeader({ rateHz: 8_000, channels: 1 }, silence.length), silence]));
    await writeFile(script, JSON.stringify(silentLine));
    const env = {
      ...{ NATS_URL: ground.natsUrl, DATABASE_URL: ground.databaseUrl, LOG_LEVEL: 'error', BLOB_DIR: ground.dir },
      ...{ TELEPHONY_KIND: 'sip', SIP_TRUNK: phones.uri, SIP_CALLER_ID: '+74951234567', SIP_PORT: String(port) },
      ...{
        CALL_HOURS: '00:00-24:00',
        CALL_ROUTES: '100=script',
        CALL_SCRIPT: script,
        TELEPHONY_UNATTENDED_MS: '600000',
        TELEPHONY_RECORDING: 'off',
      },
      // The protection off: an instance that stops hangs up at once.
      TELEPHONY_DRAIN_MS: control ? '0' : '60000',
    };
    await killableService(ground, 'call-orchestrator', env);
    const start = () => ground.start({ file: '../../runtime/serve.ts', args: ['telephony-gateway'], env });
    const old = await start();
    const bus = await ground.client('call-orchestrator');
    const started = await Promise.all(
      Array.from({ length: talks }, (_, nth) =>
        bus.call(calls.start_call, { leadId: `lead_${nth}`, phoneNumber: `+7999${1_000_000 + nth}` }, { key: `call-${nth}`, signal }),
      ),
    );
    const stop = new AbortController();
    const speaking = Promise.all(started.map(({ callId }) => speak(bus, callId, AbortSignal.any([signal, stop.signal]))));
    for (const until = performance.now() + 30_000; (await ears.holes()).hearing < talks && performance.now() < until; )
      await delay(50, undefined, { signal });
    // What this machine does to the talks without a restart.
    ears.restart();
    await delay(goesOnMs, undefined, { signal });
    const usual = await ears.holes();
    ears.restart();
    const beganAt = performance.now();
    await start();
    const stoppedAtMs = Math.round(performance.now() - beganAt);
    old.kill('SIGTERM');
    // A caller of the same moment reaches the new instance.
    await delay(1_000, undefined, { signal });
    const caller = await phones.call(`sip:100@127.0.0.1:${port}`, 'sip:+79995551111@127.0.0.1');
    await delay(goesOnMs, undefined, { signal });
    const dropped = phones.calls.filter((phone) => phone.hasEnded()).length;
    const isAnswered = caller.isConnected();
    const holes = await ears.holes();
    const { hearing } = holes;
    const longestGapMs = Math.round(holes.longestMs);
    stop.abort();
    for (const phone of phones.calls) phone.hangUp();
    const hasLeft = await Promise.race([old.exited.then(() => true), delay(15_000, false, { signal })]);
    await speaking;
    await phones.close();
    log(
      `${hearing} talks, longest gap ${longestGapMs} ms at ${Math.round(holes.atMs)} ms, SIGTERM at ${stoppedAtMs} ms; ` +
        `without a restart ${Math.round(usual.longestMs)} ms; the listener was deaf for ${Math.round(holes.deafMs)} ms at most`,
    );
    const harm = dropped + (isAnswered ? 0 : 1);
    const ok = harm === 0 && hearing === talks && longestGapMs <= gapMs && hasLeft;
    return {
      ok,
      harm,
      talks: hearing,
      dropped,
      longestGapMs,
      usualGapMs: Math.round(usual.longestMs),
      newCallAnswered: isAnswered,
      oldInstanceLeft: hasLeft,
    };
  },
};

/** Speaks without a pause, two seconds ahead at most. */
async function speak(
  bus: Awaited<ReturnType<Awaited<ReturnType<typeof openGround>>['client']>>,
  callId: string,
  signal: AbortSignal,
): Promise<void> {
  let legId: string | null = null;
  while (legId === null && !signal.aborted) {
    const call = await bus.call(calls.get_call, { callId });
    legId = call.state === 'answered' ? call.legId : null;
    if (legId === null) await delay(50);
  }
  if (legId === null) return;
  const second = new Uint8Array(8_000).map((_, at) => (at % 16 < 8 ? 0x10 : 0x90));
  const played = { count: 0, wake: () => {} };
  const chunks = async function* () {
    for (let nth = 0; !signal.aborted; nth += 1) {
      while (nth - played.count >= 2 && !signal.aborted)
        await new Promise<void>((resolve) => {
          played.wake = resolve;
        });
      yield { id: String(nth), audio: second };
    }
  };
  signal.addEventListener('abort', () => played.wake(), { once: true });
  try {
    for await (const item of bus.open(telephony.media, { legId }, chunks(), { signal }))
      if (!(item instanceof Uint8Array) && 'played' in item) {
        played.count += 1;
        played.wake();
      }
  } catch {
    // The talk was ended, which the phones show.
  }
}
