/**
 * Talks of the agent on SIP calls, one and a hundred at a time: how long a caller waits for an answer, and how soon the agent is silent when it
 * is interrupted, both measured at the caller. Ear, voice and dialog are emulated in a process of their own and take as long as real ones, always
 * the same. Beside them the same calls with nobody who listens, for what a call costs by itself.
 */
import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createBus } from '../bus/bus.ts';
import type { StreamHandler } from '../bus/service.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { asr } from '../contracts/asr.ts';
import { dialog } from '../contracts/dialog.ts';
import { tts } from '../contracts/tts.ts';
import { decode, encode, rateHz } from '../media/audio/g711.ts';
import { levelDb } from '../media/audio/speech.ts';
import { makeTone } from '../media/audio/tones.ts';
import { wavFile } from '../media/audio/wav.ts';
import { createMediaWorker } from '../media/rtp/worker-client.ts';
import { createOffer, type LocalAudio, readAnswer } from '../media/sip/offer-answer.ts';
import { openTransports } from '../media/sip/transport.ts';
import { createUserAgent } from '../media/sip/user-agent.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { freePort } from '../scripts/infra/ready.ts';
import { startNats, startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { forkDaemon, stopDaemon } from './daemons.ts';
import { cpuUs } from './process-cpu.ts';
import { play, start } from './roles.ts';

const self = fileURLToPath(import.meta.url);
const address = '127.0.0.1';
const silenceMs = 500;
/** How long the emulated ear takes for its last words, the dialog for a sentence, and the voice for its first audio. */
const [earMs, dialogMs, voiceMs] = [80, 120, 60];
/** How long the caller and the agent speak, and when the caller interrupts. */
const [askMs, answerMs, interruptMs] = [800, 2_500, 1_000];
const turns = 6;
/** What the caller measures: a frame that is louder is speech. */
const speechDb = -45;

interface Measured {
  /** From the last sound of the caller to the first of the answer, ms. */
  readonly waits: readonly number[];
  /** From the first sound of an interruption to the last of the agent, ms. */
  readonly hushes: readonly number[];
}
export interface TalksFigures {
  readonly calls: number;
  /** Less the silence timer and what the emulated ear, dialog and voice take. */
  readonly ownP50Ms: number;
  readonly waitP50Ms: number;
  readonly waitP95Ms: number;
  readonly hushP50Ms: number;
  readonly hushP95Ms: number;
  readonly answered: string;
  /** Gateway and orchestrator, of one core for one call, %. */
  readonly cpuOfTalk: number;
  /** Of the same call with nobody who listens. */
  readonly cpuOfLeg: number;
}

export async function benchTalks({ many = 100 }: { readonly many?: number } = {}): Promise<readonly TalksFigures[]> {
  const dir = temporaryDir();
  const nats = await startNats({ dir: join(dir, 'nats'), temporary: true });
  const postgres = await startPostgres({ dir: join(dir, 'postgres'), durable: true, temporary: true });
  const url = Object.assign(new URL(postgres.url), { pathname: '/bench' }).href;
  await migrate({ url });
  const port = await freePort();
  const env = {
    ...{ NATS_URL: nats.url, DATABASE_URL: url, LOG_LEVEL: 'error', POLYB_SECRET_KEY: 'the secret key of the benchmark of talks' },
    ...{ TELEPHONY_KIND: 'sip', SIP_PORT: String(port), CALL_ROUTES: '100=dialog,200=script', CALL_HOURS: '00:00-24:00' },
    ...{ CALL_SCRIPT: await scriptOf(dir), CALL_SILENCE_MS: String(silenceMs), CALL_GREETING: 'Здравствуйте.' },
    ...{ BLOB_DIR: join(dir, 'blobs'), TELEPHONY_RECORDING_DIR: join(dir, 'recordings') },
  };
  const children: ChildProcess[] = [];
  const providers = await start(self, ['providers'], { NATS_URL: nats.url });
  const callers = await start(self, ['callers']);
  try {
    await providers.ask('serve');
    await forkDaemon(['journal'], env, children);
    const ours = [await forkDaemon(['call-orchestrator'], env, children), await forkDaemon(['telephony-gateway'], env, children)];
    await callers.ask('talk', { port, number: '100', count: 2 }); // warm
    const figures: TalksFigures[] = [];
    for (const count of [1, many]) {
      const leg = await costing(ours, count, () => callers.ask('hold', { port, number: '200', count, ms: 15_000 }));
      const talk = await costing(ours, count, () => callers.ask<Measured>('talk', { port, number: '100', count }));
      const { waits, hushes } = talk.value;
      figures.push({
        calls: count,
        ownP50Ms: Math.round(at(waits, 0.5) - silenceMs - dialogMs - voiceMs),
        waitP50Ms: at(waits, 0.5),
        waitP95Ms: at(waits, 0.95),
        hushP50Ms: at(hushes, 0.5),
        hushP95Ms: at(hushes, 0.95),
        answered: `${waits.length} of ${count * (turns - 1)} turns, ${hushes.length} of ${count} interruptions`,
        cpuOfTalk: talk.percent,
        cpuOfLeg: leg.percent,
      });
    }
    return figures;
  } finally {
    for (const role of [callers, providers]) await role.stop();
    for (const child of children) await stopDaemon(child);
    await postgres.stop();
    await nats.stop();
  }
}

const at = (values: readonly number[], share: number): number =>
  Math.round(values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN);

/** CPU of these processes while something runs, of one core for each call. */
async function costing<T>(processes: readonly ChildProcess[], count: number, run: () => Promise<T>) {
  const used = () => processes.reduce((sum, { pid }) => sum + cpuUs(pid), 0);
  const [before, began] = [used(), performance.now()];
  const value = await run();
  const ms = performance.now() - began;
  return { value, percent: Number((((used() - before) / 1_000 / ms / count) * 100).toFixed(2)) };
}

/** A line script that is recorded and speaks, and listens to nothing. */
async function scriptOf(dir: string): Promise<string> {
  const tone = makeTone({ hz: [350], ms: 60_000, dbm0: -12 });
  await writeFile(join(dir, 'tone.wav'), wavFile({ rateHz, channels: 1 }, tone));
  const file = join(dir, 'line.json');
  const steps = { record: { do: 'record', on: true, next: 'say' }, say: { do: 'say', text: { wav: 'tone.wav' } } };
  await writeFile(file, JSON.stringify({ language: 'ru-RU', start: 'record', steps }));
  return file;
}

async function playProviders(): Promise<void> {
  const bus = createBus({
    transport: await connectNats({ servers: process.env.NATS_URL ?? '', name: 'providers', inboxUser: 'providers', timeoutMs: 10_000 }),
    name: 'providers',
    log: quiet,
  });
  const hear: StreamHandler<typeof asr.recognize_stream> = async function* (_input, up) {
    for await (const item of up) {
      if (item instanceof Uint8Array || 'expects' in item) continue;
      await delay(earMs);
      yield { kind: 'final', text: 'сколько стоит стрижка', confidence: 1, words: [], startMs: 0, endMs: askMs, provider: 'emulated' };
      yield { kind: 'finalized' };
    }
  };
  const speech = encode('PCMU', makeTone({ hz: [350], ms: answerMs, dbm0: -12 }));
  const speak: StreamHandler<typeof tts.synthesize_stream> = async function* (_input, up) {
    for await (const item of up) {
      if ('cancel' in item) continue;
      await delay(voiceMs);
      for (let from = 0; from < speech.length; from += 4_000) yield { id: item.id, audio: speech.slice(from, from + 4_000) };
      yield { id: item.id, end: true, voice: 'anna', provider: 'emulated', durationMs: answerMs };
    }
  };
  const answer: StreamHandler<typeof dialog.dialog_stream> = async function* ({ sessionId, isEager }, up) {
    const confirmed = Promise.withResolvers<boolean>();
    void (async () => {
      for await (const item of up) if (item.is === 'confirm') confirmed.resolve(true);
      confirmed.resolve(false);
    })().catch(() => confirmed.resolve(false)); // the talk has left
    const [isConfirmed] = await Promise.all([isEager ? confirmed.promise : true, delay(dialogMs)]);
    if (!isConfirmed) return;
    yield { is: 'sentence', text: 'Садовая, двенадцать, это в самом центре города.' };
    yield {
      is: 'done',
      answer: {
        ...{ sessionId, turnId: 'turn', reply: null, state: 'CONSULTING', intent: null, proposals: [], choices: [] },
        isHandedOver: false,
      },
    };
  };
  play({
    serve: async () => {
      await bus.serve([asr.recognize_stream, tts.synthesize_stream, dialog.dialog_stream], {
        [asr.recognize_stream.address]: hear as never,
        [tts.synthesize_stream.address]: speak as never,
        [dialog.dialog_stream.address]: answer as never,
      });
    },
  });
}

async function playCallers(): Promise<void> {
  const transports = await openTransports({ listen: [{ protocol: 'udp', address, port: 0 }] });
  const agent = createUserAgent({ transports, limits: { calls: 2_000 } });
  const worker = createMediaWorker({ address });
  const ask = encode('PCMU', makeTone({ hz: [700], ms: askMs, dbm0: -12 }));
  /** A call that is answered; `lastLoudAt` is when the agent was last heard. */
  async function call(port: number, number: string, nth: number) {
    const session = await worker.open();
    const local: LocalAudio = {
      ...{ sessionId: '1', version: 1, address, port: session.port, codecs: ['PCMU'], ptimeMs: 20, direction: 'sendrecv' },
    };
    const heard = { firstLoudAt: 0, lastLoudAt: 0 };
    const played = new Map<string, (at: number) => void>();
    session.on({
      frame(audio) {
        if (levelDb(decode('PCMU', audio)) < speechDb) return;
        const now = performance.now();
        if (now - heard.lastLoudAt > 300) heard.firstLoudAt = now;
        heard.lastLoudAt = now;
      },
      fact(fact) {
        if ('played' in fact) played.get(fact.played)?.(performance.now());
      },
    });
    const connected = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const dialled = agent.invite(
      { to: `sip:${number}@${address}:${port}`, from: `sip:+7999${String(1_000_000 + nth)}@${address}`, sdp: createOffer(local) },
      {
        answered({ sdp }) {
          const negotiated = readAnswer(sdp ?? '', local);
          if (typeof negotiated === 'object') session.configure(negotiated);
          connected.resolve();
        },
        ended() {
          ended.resolve();
          connected.reject(new Error('the call was not answered'));
        },
      },
    );
    await connected.promise;
    return {
      heard,
      /** Resolves with the time when the last frame was sent. */
      say: (id: string) =>
        new Promise<number>((resolve) => {
          played.set(id, resolve);
          session.play(id, ask);
        }),
      hangUp: async () => {
        dialled.hangUp();
        await Promise.race([ended.promise, delay(5_000)]);
        await session.close();
      },
    };
  }
  type Called = Awaited<ReturnType<typeof call>>;
  const until = async (ready: () => boolean, ms: number): Promise<boolean> => {
    for (const end = performance.now() + ms; performance.now() < end; await delay(5)) if (ready()) return true;
    return false;
  };
  const isQuiet = ({ heard }: Called, ms: number) => heard.lastLoudAt > 0 && performance.now() - heard.lastLoudAt > ms;

  async function talk(one: Called, nth: number): Promise<{ waits: number[]; hushes: number[] }> {
    const [waits, hushes]: [number[], number[]] = [[], []];
    await until(() => isQuiet(one, 600), 20_000); // the greeting
    for (let turn = 0; turn < turns - 1; turn += 1) {
      await delay((nth * 37) % 400); // callers are not in step
      const lastAt = await one.say(`${nth}-${turn}`);
      if (!(await until(() => one.heard.firstLoudAt > lastAt, 5_000))) continue;
      waits.push(one.heard.firstLoudAt - lastAt);
      if (turn === turns - 2) {
        await delay(interruptMs);
        const startedAt = performance.now();
        void one.say(`${nth}-over`);
        await until(() => performance.now() - one.heard.lastLoudAt > 200, 3_000);
        hushes.push(one.heard.lastLoudAt - startedAt);
        await delay(askMs);
      } else await until(() => isQuiet(one, 600), 10_000);
    }
    return { waits, hushes };
  }
  interface Wanted {
    readonly port: number;
    readonly number: string;
    readonly count: number;
    readonly ms?: number;
  }
  const all = async <T>({ port, number, count }: Wanted, run: (one: Called, nth: number) => Promise<T>): Promise<T[]> =>
    await Promise.all(
      Array.from({ length: count }, async (_, nth) => {
        await delay(nth * 30);
        const one = await call(port, number, nth);
        try {
          return await run(one, nth);
        } finally {
          await one.hangUp();
        }
      }),
    );
  play({
    async talk(wanted: Wanted): Promise<Measured> {
      const talks = await all(wanted, talk);
      return { waits: talks.flatMap(({ waits }) => waits), hushes: talks.flatMap(({ hushes }) => hushes) };
    },
    async hold({ ms = 0, ...wanted }: Wanted) {
      await all(wanted, async () => await delay(ms));
    },
  });
}

const role = process.argv[2];
if (role === 'providers') await playProviders();
if (role === 'callers') await playCallers();
