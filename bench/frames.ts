/** Frames of calls, both ways between two processes over owned streams, beside raw publish and subscribe; and taps on all of them. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { createBus } from '../bus/bus.ts';
import type { StreamHandler } from '../bus/service.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { contract, stream } from '../contracts/kit/define.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { median, monotonicMs, play, type Role, start } from './roles.ts';

const line = contract('bench_line', '1.0.0', {
  media: stream({
    summary: 'Returns each frame.',
    input: z.strictObject({ legId: z.string().max(20) }),
    up: z.instanceof(Uint8Array),
    down: z.instanceof(Uint8Array),
    topic: 'legId',
    owner: 'legId',
    limits: { concurrency: 2_000 },
  }),
});
const frameMs = 20;
const frameBytes = 160;
const mostCalls = 800;
const legOf = (nth: number): string => `leg_${nth}`;

interface Talk {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly sent: number;
  readonly back: number;
}
interface Heard {
  readonly items: number;
  readonly dropped: number;
}
export interface FrameFigures {
  readonly calls: number;
  /** There and back over the bus, less the same raw, ms. */
  readonly p50OverRawMs: number;
  readonly busP50Ms: number;
  readonly rawP50Ms: number;
  readonly busP99Ms: number;
  readonly rawP99Ms: number;
  readonly lost: number;
  /** CPU of both ends for a frame, bus by raw. */
  readonly cpuRatio: number;
  readonly tapAt100: Heard & { readonly uncounted: number };
  readonly tapAt800: Heard & { readonly uncounted: number };
}
export async function benchFrames({ rounds = 3, seconds = 5 }: { rounds?: number; seconds?: number } = {}): Promise<FrameFigures> {
  const nats = await startNats({ dir: await temporaryDir(), temporary: true });
  const self = fileURLToPath(import.meta.url);
  const env = { NATS_URL: nats.url };
  const roles = [await start(self, ['holder'], env), await start(self, ['caller'], env), await start(self, ['listener'], env)] as const;
  const [holder, caller, listener] = roles;
  const measured = async (arm: 'bus' | 'raw', calls: number, lasting = seconds) => {
    const ends: readonly Role[] = [holder, caller];
    const cpu = async (): Promise<number> =>
      (await Promise.all(ends.map((end) => end.ask<number>('cpu')))).reduce((sum, us) => sum + us, 0);
    const before = await cpu();
    const talk = await caller.ask<Talk>(arm, { calls, seconds: lasting });
    return { ...talk, cpuUs: ((await cpu()) - before) / (talk.sent + talk.back) };
  };
  const tapped = async (calls: number) => {
    await listener.ask('listen', calls);
    const before = await holder.ask<number>('passed');
    await measured('bus', calls, 2);
    const heard = await listener.ask<Heard>('heard');
    return { ...heard, uncounted: (await holder.ask<number>('passed')) - before - heard.items - heard.dropped };
  };
  try {
    await measured('bus', 10);
    const taken: { bus: Talk & { cpuUs: number }; raw: Talk & { cpuUs: number } }[] = [];
    for (let round = 0; round < rounds; round += 1) taken.push({ bus: await measured('bus', 100), raw: await measured('raw', 100) });
    const of = (pick: (round: (typeof taken)[number]) => number): number => Number(median(taken.map(pick)).toFixed(2));
    return {
      calls: 100,
      p50OverRawMs: of(({ bus, raw }) => bus.p50Ms - raw.p50Ms),
      busP50Ms: of(({ bus }) => bus.p50Ms),
      rawP50Ms: of(({ raw }) => raw.p50Ms),
      busP99Ms: of(({ bus }) => bus.p99Ms),
      rawP99Ms: of(({ raw }) => raw.p99Ms),
      lost: taken.reduce((sum, { bus }) => sum + bus.sent - bus.back, 0),
      cpuRatio: of(({ bus, raw }) => bus.cpuUs / raw.cpuUs),
      tapAt100: await tapped(100),
      tapAt800: await tapped(mostCalls),
    };
  } finally {
    for (const role of roles) await role.stop();
    await nats.stop();
  }
}

const open = (name: string) => connectNats({ servers: String(process.env.NATS_URL), name, inboxUser: name, log: quiet });
function stamped(): Buffer {
  const frame = Buffer.alloc(frameBytes);
  frame.writeDoubleLE(monotonicMs());
  return frame;
}
/** Sends a frame of each call every 20 ms, spread over that time and by the clock, for `seconds`; then waits until all are back or 2 s pass. */
async function talk(
  { calls, seconds }: { calls: number; seconds: number },
  send: (nth: number) => void,
  back: readonly number[],
): Promise<Talk> {
  const began = monotonicMs();
  const frames = Math.round((seconds * 1_000) / frameMs) * calls;
  let sent = 0;
  while (sent < frames) {
    const due = Math.min(frames, Math.floor(((monotonicMs() - began) / frameMs) * calls));
    for (; sent < due; sent += 1) send(sent % calls);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const end = monotonicMs() + 2_000;
  while (back.length < frames && monotonicMs() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  const sorted = [...back].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), sent, back: back.length };
}
const tookOf = (frame: Uint8Array): number => monotonicMs() - Buffer.from(frame.buffer, frame.byteOffset, 8).readDoubleLE();

/** Frames that wait to be read by one stream. */
function source() {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let isOver = false;
  let wake = (): void => {};
  return {
    push(frame: Uint8Array<ArrayBuffer>) {
      frames.push(frame);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
    items: (async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      for (;;) {
        const next = frames.shift();
        if (next !== undefined) yield next;
        else if (isOver) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    })(),
  };
}

const role = process.argv[2];
if (role === 'holder') {
  const bus = createBus({ transport: await open('holder'), name: 'holder', log: quiet });
  /** Frames that a tap of both sides may hear. */
  let passed = 0;
  const echo: StreamHandler<typeof line.media> = async function* (_, up) {
    for await (const frame of up) {
      passed += 1;
      yield Uint8Array.from(frame);
      passed += 1;
    }
  };
  await bus.serve(Object.values(line), { 'bench_line.media': echo as StreamHandler });
  for (let nth = 0; nth < mostCalls; nth += 1) bus.own(line, { legId: legOf(nth) });
  const raw = await open('raw-holder');
  raw.subscribe('raw.up.*', ({ subject, data }) => raw.publish(subject.replace('up', 'down'), Uint8Array.from(data)));
  await raw.flush();
  play({ passed: async () => passed });
} else if (role === 'caller') {
  const bus = createBus({ transport: await open('caller'), name: 'caller', log: quiet });
  const raw = await open('raw-caller');
  let rawBack: number[] = [];
  raw.subscribe('raw.down.*', ({ data }) => rawBack.push(tookOf(data)));
  play({
    bus: async (given: { calls: number; seconds: number }) => {
      const back: number[] = [];
      const legs = Array.from({ length: given.calls }, source);
      const opened = legs.map(() => Promise.withResolvers<void>());
      const reading = legs.map(async ({ items }, nth) => {
        const onOpened = opened[nth]?.resolve;
        for await (const frame of bus.open(line.media, { legId: legOf(nth) }, items, { timeoutMs: 10_000, ...(onOpened && { onOpened }) }))
          back.push(tookOf(frame));
      });
      await Promise.race([Promise.all(opened.map(({ promise }) => promise)), Promise.all(reading)]);
      const done = await talk(given, (nth) => legs[nth]?.push(new Uint8Array(stamped())), back);
      for (const leg of legs) leg.end();
      await Promise.allSettled(reading); // beyond what the machine can do, calls end with an error
      return done;
    },
    raw: async (given: { calls: number; seconds: number }) => {
      rawBack = [];
      return talk(given, (nth) => raw.publish(`raw.up.${nth}`, stamped()), rawBack);
    },
  });
} else if (role === 'listener') {
  const bus = createBus({ transport: await open('listener'), name: 'listener', log: quiet });
  let listening: Promise<unknown> = Promise.resolve();
  let heard = { items: 0, dropped: 0 };
  play({
    listen: async (calls: number) => {
      heard = { items: 0, dropped: 0 };
      listening = Promise.all(
        Array.from({ length: calls }, async (_, nth) => {
          for await (const item of bus.tap(line.media, legOf(nth))) {
            if (item.kind === 'item') heard.items += 1;
            else if (item.kind === 'dropped') heard.dropped += item.items;
          }
        }),
      );
      await bus.gather('$SRV.PING.bench_line', undefined, { atMost: 1 }); // the requests to listen went before it
    },
    heard: async () => {
      await Promise.race([listening, new Promise((resolve) => setTimeout(resolve, 10_000))]);
      return heard;
    },
  });
}
