/** The thread that holds all media sessions of a process: their sockets, their clock, and one message to the main thread for each tick. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createWavWriter } from '../audio/wav.ts';
import type { MediaFact } from './media.ts';
import { frameHeaderBytes, mostBatchesBehind, type Order, type Question, type Report } from './messages.ts';
import { createPacer, type PacedTick } from './pacer.ts';
import { putUint16, putUint32 } from './packet.ts';
import { createSession, type RtpSession } from './session.ts';
import { openSockets, type Sockets } from './sockets.ts';

/** Start options of the thread. The main thread imports this type so that a compiled package contains the file. */
export interface WorkerOptions {
  /** The local address to bind; its family is that of all peers. */
  readonly address: string;
  /** First and last UDP port; null for any. */
  readonly ports: readonly [first: number, last: number] | null;
  readonly inactivityMs: number;
  /** Two counters: batches sent and batches handled. */
  readonly counters: Int32Array<SharedArrayBuffer>;
}

interface HeldSession {
  readonly session: RtpSession;
  readonly sockets: Sockets;
  readonly paced: PacedTick;
  /** The session that hears this one. */
  hearer: number | null;
}

function serve(port: MessagePort, { address, ports, inactivityMs, counters }: WorkerOptions): void {
  const clock = () => performance.now();
  const held = new Map<number, HeldSession>();
  const ofTick = new Map<(dueMs: number) => void, number>();
  let frames: { readonly session: number; readonly audio: Uint8Array }[] = [];
  let facts: (readonly [number, MediaFact])[] = [];
  let droppedFrames = 0;
  const report = (message: Report, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, transfer);

  /** Sends the current batch. A main thread that is far behind loses frames, but never facts. */
  const flush = () => {
    const isBehind = Atomics.load(counters, 0) - Atomics.load(counters, 1) > mostBatchesBehind;
    if (isBehind) [droppedFrames, frames] = [droppedFrames + frames.length, []];
    if (frames.length === 0 && facts.length === 0) return;
    const bytes = frames.length === 0 ? null : packed(frames);
    const batch = { report: 'batch', frames: bytes, facts } as const;
    [frames, facts] = [[], []];
    Atomics.add(counters, 0, 1);
    report(batch, bytes === null ? [] : [bytes.buffer]);
  };
  const fail = (session: number, error: unknown) => {
    facts.push([session, { failed: Error.isError(error) ? error.message : String(error) }]);
    void close(session); // an error while it ends concerns a session that is already gone
  };
  const pacer = createPacer({ clock, ticked: flush, failed: (tick, error) => fail(ofTick.get(tick) ?? -1, error) });

  const open = async (id: number, cname: string) => {
    let session: RtpSession | null = null;
    const guarded = (work: (session: RtpSession) => void) => {
      try {
        if (session !== null) work(session);
      } catch (error) {
        fail(id, error);
      }
    };
    /** The arrival time of a packet that waited while this thread was busy is unknown. */
    const isTimely = () => pacer.lateMs() < 5;
    const sockets = await openSockets({
      address,
      ports,
      random: Math.random,
      received: (bytes, from) => guarded((to) => to.receive(bytes, from, clock(), isTimely())),
      receivedControl: (bytes, from) => guarded((to) => to.receiveControl(bytes, from, clock())),
      failed: (error) => fail(id, error),
    });
    session = createSession({
      cname,
      random: Math.random,
      send: sockets.send,
      sendControl: sockets.sendControl,
      frame: (audio) => frames.push({ session: id, audio }),
      fact: (fact) => facts.push([id, fact]),
      createWriter: (file, failed) => createWavWriter(file, { rateHz: 8_000, channels: 2, failed }),
      timeOrigin: performance.timeOrigin,
      inactivityMs,
    });
    const { tick } = session;
    ofTick.set(tick, id);
    held.set(id, { session, sockets, paced: pacer.add(tick, 20), hearer: null });
    report({ report: 'opened', session: id, port: sockets.port });
  };
  const close = async (id: number) => {
    const closing = held.get(id);
    if (closing === undefined) return;
    held.delete(id);
    connect(closing, null);
    for (const other of held.values()) if (other.hearer === id) connect(other, null);
    closing.paced.remove();
    ofTick.delete(closing.session.tick);
    await closing.session.close(clock());
    closing.sockets.close();
    flush();
    report({ report: 'closed', session: id });
  };
  /** Sets the hearer of a session; the reverse direction belongs to the other session. */
  const connect = (from: HeldSession, hearer: number | null) => {
    from.hearer = hearer;
    from.session.connect(hearer === null ? null : (held.get(hearer)?.session ?? null));
  };

  const obey = (order: Order, { session, paced }: HeldSession) => {
    switch (order.do) {
      case 'configure':
        session.configure(order.negotiated, clock());
        return paced.every(session.tickMs() === 20 ? 20 : 10);
      case 'play':
        return session.play(order.id, order.audio);
      case 'clear':
        return session.clear();
      case 'mark':
        return session.mark(order.id);
      case 'dtmf':
        return session.sendDtmf(order.digits);
      case 'digit':
        return session.digit(order.digit, order.by, clock());
      case 'connect':
        return bridge(order.session, order.other);
      case 'record':
        return session.record(order.file, clock());
      case 'pause':
        return session.pauseRecording(order.on, order.fill, clock());
      case 'stats':
        return report({ report: 'stats', session: order.session, stats: session.stats() });
      default:
    }
  };
  /** Connects two sessions both ways and disconnects each from any other. */
  const bridge = (id: number, other: number | null) => {
    const parties = [id, other].flatMap((each) => (each === null ? [] : (held.get(each) ?? [])));
    const before = parties.flatMap(({ hearer }) => (hearer === null ? [] : (held.get(hearer) ?? [])));
    for (const each of [...before, ...parties]) connect(each, null);
    const [first, second] = parties;
    if (first === undefined || second === undefined || other === null) return;
    connect(first, other);
    connect(second, id);
  };

  port.on('message', (order: Order | Question) => {
    if (order.do === 'worker_stats') {
      const { heapUsed: heapBytes } = process.memoryUsage();
      report({ report: 'worker_stats', stats: { sessions: held.size, lateness: pacer.takeLateness(), droppedFrames, heapBytes } });
    } else if (order.do === 'open') {
      open(order.session, order.cname).catch((error: NodeJS.ErrnoException) =>
        report({ report: 'refused', session: order.session, message: error.message, code: error.code ?? null }),
      );
    } else if (order.do === 'close') {
      void close(order.session).catch((error) => fail(order.session, error));
    } else {
      const to = held.get(order.session);
      if (to === undefined) return;
      try {
        obey(order, to);
      } catch (error) {
        fail(order.session, error);
      }
      flush();
    }
  });
}

function packed(frames: readonly { readonly session: number; readonly audio: Uint8Array }[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(frames.reduce((sum, { audio }) => sum + frameHeaderBytes + audio.length, 0));
  let at = 0;
  for (const { session, audio } of frames) {
    putUint32(bytes, at, session);
    putUint16(bytes, at + 4, audio.length);
    bytes.set(audio, at + frameHeaderBytes);
    at += frameHeaderBytes + audio.length;
  }
  return bytes;
}

if (parentPort !== null) serve(parentPort, workerData as WorkerOptions);
