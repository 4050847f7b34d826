/** The media worker with 400 calls beside a bare UDP forwarder, its clock beside a timer that does nothing else, and its heap over 5,000 calls. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { Negotiated } from '../media/rtp/media.ts';
import { createLateness, type Lateness } from '../media/rtp/pacer.ts';
import { uint16, writeRtp } from '../media/rtp/packet.ts';
import { createMediaWorker, type MediaSession } from '../media/rtp/worker-client.ts';
import { play, start } from './roles.ts';

const self = fileURLToPath(import.meta.url);
const address = '127.0.0.1';
const frameMs = 20;

export interface MediaFigures {
  readonly calls: number;
  /** µs of CPU for each call and second. */
  readonly cpuUs: { readonly media: number; readonly forwarder: number };
  readonly cpuRatio: number;
  /** How late the clock was, ms; of the control timer in the same process beside it. */
  readonly quiet: Clocks;
  readonly bursts: Clocks;
  /** Frames that the phones, and the listeners, did not get. */
  readonly lost: { readonly phones: number; readonly listeners: number };
  readonly heap: { readonly calls: number; readonly grownMb: number; readonly rssGrownMb: number };
}
interface Clocks {
  readonly pacerP99: number;
  readonly controlP99: number;
  readonly difference: number;
}

export async function benchMedia({ calls = 400, seconds = 15, shortCalls = 5_000 } = {}): Promise<MediaFigures> {
  const [phones, media, forwarder] = [await start(self, ['phones']), await start(self, ['media']), await start(self, ['forwarder'])];
  try {
    const phonePorts = await phones.ask<readonly number[]>('open', 8);
    const bare = await measured(forwarder, phones, await forwarder.ask('open', calls), seconds, null);
    await forwarder.stop();
    const ports = await media.ask<readonly number[]>('open', { calls, phonePorts });
    const quiet = await measured(media, phones, ports, seconds, 'quiet');
    const bursts = await measured(media, phones, ports, seconds, 'bursts');
    const heap = await media.ask<{ readonly grownMb: number; readonly rssGrownMb: number }>('shortCalls', {
      calls: shortCalls,
      phonePorts,
    });
    const perCall = (us: number) => Math.round(us / calls / seconds);
    return {
      calls,
      cpuUs: { media: perCall(quiet.cpuUs), forwarder: perCall(bare.cpuUs) },
      cpuRatio: Number((quiet.cpuUs / bare.cpuUs).toFixed(2)),
      quiet: clocks(quiet.clocks),
      bursts: clocks(bursts.clocks),
      lost: { phones: quiet.lostAtPhones + bursts.lostAtPhones, listeners: quiet.lostAtListeners + bursts.lostAtListeners },
      heap: { calls: shortCalls, ...heap },
    };
  } finally {
    for (const role of [phones, media, forwarder]) await role.stop();
  }
}

interface Taken {
  readonly pacer: Lateness;
  readonly control: Lateness;
  readonly lostAtListeners: number;
}
/** One phase: the phones talk for so long, and every frame that they should get is counted. */
async function measured(
  role: Awaited<ReturnType<typeof start>>,
  phones: Awaited<ReturnType<typeof start>>,
  ports: readonly number[],
  seconds: number,
  phase: 'quiet' | 'bursts' | null,
) {
  await phones.ask('talk', ports);
  await delay(2_000); // every stream has begun
  if (phase !== null) await role.ask('begin', phase);
  await phones.ask('count');
  const before = await role.ask<number>('cpu');
  await delay(seconds * 1_000);
  const cpuUs = (await role.ask<number>('cpu')) - before;
  const lostAtPhones = await phones.ask<number>('lost');
  const taken = phase === null ? null : await role.ask<Taken>('end');
  await phones.ask('hush');
  return { cpuUs, lostAtPhones, lostAtListeners: taken?.lostAtListeners ?? 0, clocks: taken };
}
function clocks(taken: Taken | null): Clocks {
  const [pacerP99, controlP99] = [taken?.pacer.p99 ?? Number.NaN, taken?.control.p99 ?? Number.NaN];
  return { pacerP99, controlP99, difference: Number((pacerP99 - controlP99).toFixed(1)) };
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20, lookup: (name, _, found) => found(null, name, 4) });
  const listening = once(socket, 'listening');
  socket.bind(0, address);
  await listening;
  return socket;
}
/** Calls `work` at absolute deadlines until it returns false. */
function every(ms: number, work: (nth: number) => boolean): void {
  const began = performance.now();
  let nth = 0;
  const wake = () => {
    for (; began + nth * ms <= performance.now(); nth += 1) if (!work(nth)) return;
    setTimeout(wake, Math.max(0, Math.ceil(began + nth * ms - performance.now())));
  };
  wake();
}

/** Phones of all calls: each port that they talk to gets 50 packets a second, spread over the 20 ms. */
async function playPhones(): Promise<void> {
  let sockets: readonly Socket[] = [];
  let ports: readonly number[] = [];
  let talk = 0;
  const last = new Map<number, number>();
  let lost = 0;
  const hear = (bytes: Uint8Array, { port }: { readonly port: number }) => {
    const sequence = uint16(bytes, 2);
    const before = last.get(port);
    if (before !== undefined) lost += ((sequence - before - 1) << 16) >> 16;
    last.set(port, sequence);
  };
  const payload = new Uint8Array(160).fill(0x55);
  play({
    async open(count: number) {
      sockets = await Promise.all(Array.from({ length: count }, bound));
      for (const socket of sockets) socket.on('message', hear);
      return sockets.map((socket) => socket.address().port);
    },
    async talk(to: readonly number[]) {
      [ports, lost] = [to, 0];
      talk += 1;
      const mine = talk;
      const [steps, perStep] = [frameMs / 2, Math.ceil(to.length / (frameMs / 2))];
      every(2, (nth) => {
        const [slot, sequence] = [nth % steps, Math.floor(nth / steps)];
        for (let call = slot * perStep; call < Math.min((slot + 1) * perStep, to.length); call += 1) {
          const packet = writeRtp({
            payloadType: 0,
            marker: false,
            sequence: sequence & 0xffff,
            timestamp: (sequence * 160) >>> 0,
            ssrc: mine * 10_000 + call,
            payload,
          });
          sockets[call % sockets.length]?.send(packet, ports[call], address);
        }
        return talk === mine;
      });
    },
    async hush() {
      talk += 1;
      last.clear();
    },
    async count() {
      lost = 0;
    },
    lost: async () => lost,
  });
}

async function playForwarder(): Promise<void> {
  play({
    async open(calls: number) {
      const sockets = await Promise.all(Array.from({ length: calls }, bound));
      for (const socket of sockets) socket.on('message', (bytes, { port }) => socket.send(bytes, port, address));
      return sockets.map((socket) => socket.address().port);
    },
  });
}

async function playMedia(): Promise<void> {
  let worker = createMediaWorker({ address, inactivityMs: 3_600_000 });
  const control = new Worker(self, { argv: ['control'] });
  const agreed = (port: number): Negotiated => ({
    codec: 'PCMU',
    payloadType: 0,
    ptimeMs: frameMs,
    telephoneEventType: 101,
    comfortNoise: false,
    remote: { address, port },
    direction: 'sendrecv',
  });
  const second = new Uint8Array(8_000).fill(0x55);
  let sessions: MediaSession[] = [];
  let [frames, isBursting, began] = [0, false, 0];
  const speak = () => {
    for (const session of sessions) session.play('speech', second);
  };
  const json = JSON.stringify(Array.from({ length: 2_000 }, (_, id) => ({ id, name: `client ${id}`, tags: ['a', 'b', 'c'] })));
  const burst = () => {
    if (!isBursting) return;
    const end = performance.now() + 30;
    while (performance.now() < end) JSON.parse(json);
    setTimeout(burst, 50);
  };
  const shortCall = async (port: number, speaker: Socket) => {
    const session = await worker.open();
    const played = Promise.withResolvers<void>();
    session.on({ frame: () => {}, fact: (fact) => 'played' in fact && played.resolve() });
    session.configure(agreed(port));
    session.play('a', second.subarray(0, 800));
    for (let sequence = 0; sequence < 5; sequence += 1)
      speaker.send(
        writeRtp({
          payloadType: 0,
          marker: false,
          sequence,
          timestamp: sequence * 160,
          ssrc: session.port,
          payload: second.subarray(0, 160),
        }),
        session.port,
        address,
      );
    await played.promise;
    await session.close();
  };
  /** The least of a second, in which the heap of the thread is collected. */
  const least = async () => {
    const seen: { heap: number; rss: number }[] = [];
    for (let nth = 0; nth < 20; nth += 1) {
      seen.push({ heap: (await worker.stats()).heapBytes, rss: process.memoryUsage.rss() });
      await delay(50);
    }
    return { heap: Math.min(...seen.map(({ heap }) => heap)), rss: Math.min(...seen.map(({ rss }) => rss)) };
  };
  play({
    async open({ calls, phonePorts }: { calls: number; phonePorts: readonly number[] }) {
      sessions = [];
      for (let call = 0; call < calls; call += 1) {
        const session = await worker.open();
        session.on({ frame: () => (frames += 1), fact: () => {} });
        session.configure(agreed(phonePorts[call % phonePorts.length] as number));
        sessions.push(session);
      }
      speak();
      setInterval(speak, 1_000);
      return sessions.map(({ port }) => port);
    },
    async begin(phase: 'quiet' | 'bursts') {
      isBursting = phase === 'bursts';
      burst();
      await worker.stats();
      control.postMessage('take');
      await once(control, 'message');
      [frames, began] = [0, performance.now()];
    },
    async end(): Promise<Taken> {
      const due = Math.floor((performance.now() - began) / frameMs - 1) * sessions.length;
      const lostAtListeners = Math.max(0, due - frames);
      isBursting = false;
      const { lateness } = await worker.stats();
      control.postMessage('take');
      const [taken] = await once(control, 'message');
      return { pacer: lateness, control: taken as Lateness, lostAtListeners };
    },
    async shortCalls({ calls, phonePorts }: { calls: number; phonePorts: readonly number[] }) {
      await Promise.all(sessions.map((session) => session.close()));
      sessions = [];
      await worker.close();
      worker = createMediaWorker({ address, file: new URL('media-thread.ts', import.meta.url) });
      const speaker = await bound();
      const port = speaker.address().port;
      speaker.on('message', () => {});
      const some = async (count: number) => {
        let left = count;
        await Promise.all(
          Array.from({ length: Math.min(50, phonePorts.length * 8) }, async () => {
            for (; left > 0; ) {
              left -= 1;
              await shortCall(port, speaker);
            }
          }),
        );
      };
      await some(1_000); // the code is compiled, the heap has its size
      const before = await least();
      await some(calls);
      const after = await least();
      const mb = (bytes: number) => Number((bytes / 1e6).toFixed(1));
      return { grownMb: mb(after.heap - before.heap), rssGrownMb: mb(after.rss - before.rss) };
    },
  });
}

/** A timer that does nothing else: absolute deadlines, and how late it was. */
function runControl(): void {
  const lateness = createLateness();
  const began = performance.now();
  every(frameMs, (nth) => {
    lateness.add(performance.now() - (began + nth * frameMs));
    return true;
  });
  parentPort?.on('message', () => parentPort?.postMessage(lateness.take()));
}

const role = process.argv[2];
if (role === 'control' && !isMainThread) runControl();
else if (role === 'phones') await playPhones();
else if (role === 'forwarder') await playForwarder();
else if (role === 'media') await playMedia();
