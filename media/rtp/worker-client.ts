/** Media sessions in a separate thread, so that a busy main thread never delays audio. */
import { Worker } from 'node:worker_threads';
import type { DigitSource } from './digits.ts';
import type { MediaFact, MediaStats, Negotiated } from './media.ts';
import { type Batch, frameHeaderBytes, type Order, type Question, type Report, type WorkerStats } from './messages.ts';
import { uint16, uint32 } from './packet.ts';
import type { PauseFill } from './recorder.ts';
import type { WorkerOptions } from './worker.ts';

export interface MediaListener {
  /** 20 ms of μ-law from the phone, as a view of a buffer shared with other sessions. */
  frame(audio: Uint8Array): void;
  fact(fact: MediaFact): void;
}
export interface MediaSession {
  /** The UDP port of RTP; RTCP has the next one. */
  readonly port: number;
  /** Applies the result of the negotiation; before it nothing is sent or accepted. Each call lets the peer's address change once. */
  configure(negotiated: Negotiated): void;
  /** Queues μ-law audio. A `played` fact with the id and the time played follows when it has ended or was dropped. */
  play(id: string, pcmu: Uint8Array): void;
  /** Drops unplayed audio. */
  clear(): void;
  /** A `played` fact with the id follows when everything before it has ended. */
  mark(id: string): void;
  /** Presses keys; `,` and `w` are pauses of half a second. */
  sendDtmf(digits: string): void;
  /** Reports a key received by signalling, so that each press counts once. */
  digit(digit: string, by: DigitSource): void;
  /** Lets two sessions of this worker hear each other, or ends that. */
  connect(other: MediaSession | null): void;
  /** Records both sides into a stereo WAV file; null ends it, and a `recording` fact follows. */
  record(file: string | null): void;
  /** While on, the recording has silence or beeps in place of both sides. */
  pauseRecording(on: boolean, fill?: PauseFill): void;
  on(listener: MediaListener): () => void;
  /** @throws after the session has ended */
  stats(): Promise<MediaStats>;
  /** Says goodbye to the peer and completes the recording. */
  close(): Promise<void>;
}
export interface MediaWorker {
  /** @throws an Error with the system's code if no port is free, or if the worker dies */
  open(options?: { readonly cname?: string }): Promise<MediaSession>;
  /** @throws when the worker dies, or has not been started */
  stats(): Promise<WorkerStats>;
  /** Closes all sessions and ends the thread. */
  close(): Promise<void>;
}
export interface MediaWorkerOptions {
  /** The local address to bind; its family is that of all peers. */
  readonly address: string;
  /** First and last UDP port, two for each session; without them the system chooses. */
  readonly ports?: readonly [first: number, last: number];
  /** Silence of a peer for this long is reported as a fact. */
  readonly inactivityMs?: number;
  /** Heap of the thread in MB, after which it dies. */
  readonly maxHeapMb?: number;
  /** Another script for the thread. */
  readonly file?: URL;
}

interface Pending<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}
interface Open {
  readonly listeners: Set<MediaListener>;
  opened: Pending<number> | null;
  stats: Pending<MediaStats>[];
  closed: (() => void)[];
}
interface Thread {
  readonly worker: Worker;
  readonly counters: Int32Array<SharedArrayBuffer>;
  readonly sessions: Map<number, Open>;
  stats: Pending<WorkerStats>[];
}

/** The same file for type-stripped source and for a compiled package. */
const workerFile = new URL(`./worker.${/\.js(?:\?|$)/.test(import.meta.url) ? 'js' : 'ts'}`, import.meta.url);
/** Time after which a closing worker that does not reply is terminated. */
const closeMs = 5_000;

/** Starts no thread before the first session, and a new one after the thread has died. */
export function createMediaWorker({
  address,
  ports,
  inactivityMs = 30_000,
  maxHeapMb = 512,
  file = workerFile,
}: MediaWorkerOptions): MediaWorker {
  let thread: Thread | null = null;
  let last = 0;
  const numbers = new WeakMap<MediaSession, number>();

  const start = (): Thread => {
    const counters = new Int32Array(new SharedArrayBuffer(8));
    const options: WorkerOptions = { address, ports: ports ?? null, inactivityMs, counters };
    const worker = new Worker(file, { workerData: options, resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } });
    const started: Thread = { worker, counters, sessions: new Map(), stats: [] };
    worker.on('message', (report: Report) => hear(started, report));
    worker.on('error', (error) => die(started, new Error((error as Error).message)));
    worker.on('exit', () => die(started, new Error('the media worker has ended')));
    return started;
  };
  /** Handles the end of the thread: all of its sessions have failed. */
  const die = (dead: Thread, error: Error) => {
    if (thread === dead) thread = null;
    const sessions = [...dead.sessions.values()];
    dead.sessions.clear();
    for (const { reject } of dead.stats.splice(0)) reject(error);
    for (const session of sessions) {
      session.opened?.reject(error);
      end(session, error);
      for (const { fact } of session.listeners) fact({ failed: error.message });
    }
  };

  return {
    async open({ cname = 'polyb' } = {}) {
      thread ??= start();
      const { worker, sessions } = thread;
      last += 1;
      const id = last;
      const opening = Promise.withResolvers<number>();
      const open: Open = { listeners: new Set(), opened: opening, stats: [], closed: [] };
      sessions.set(id, open);
      const order = (what: Order, transfer: readonly ArrayBuffer[] = []) => {
        if (sessions.has(id)) worker.postMessage(what, transfer);
      };
      order({ session: id, do: 'open', cname });
      const port = await opening.promise;
      open.opened = null;
      const session: MediaSession = {
        port,
        configure: (negotiated) => order({ session: id, do: 'configure', negotiated }),
        play(name, pcmu) {
          // A copy: a slice of a Buffer would share memory that is transferred with the message.
          const audio = new Uint8Array(pcmu);
          order({ session: id, do: 'play', id: name, audio }, [audio.buffer]);
        },
        clear: () => order({ session: id, do: 'clear' }),
        mark: (name) => order({ session: id, do: 'mark', id: name }),
        sendDtmf: (digits) => order({ session: id, do: 'dtmf', digits }),
        digit: (digit, by) => order({ session: id, do: 'digit', digit, by }),
        connect: (other) => order({ session: id, do: 'connect', other: other === null ? null : (numbers.get(other) ?? null) }),
        record: (file) => order({ session: id, do: 'record', file }),
        pauseRecording: (on, fill = 'silence') => order({ session: id, do: 'pause', on, fill }),
        on(listener) {
          open.listeners.add(listener);
          return () => open.listeners.delete(listener);
        },
        stats() {
          if (!sessions.has(id)) return Promise.reject(new Error('the media session has ended'));
          return new Promise((resolve, reject) => {
            open.stats.push({ resolve, reject });
            order({ session: id, do: 'stats' });
          });
        },
        close() {
          if (!sessions.has(id)) return Promise.resolve();
          return new Promise((resolve) => {
            open.closed.push(resolve);
            order({ session: id, do: 'close' });
          });
        },
      };
      numbers.set(session, id);
      return session;
    },
    stats() {
      const asked = thread;
      if (asked === null) return Promise.reject(new Error('the media worker has no session'));
      return new Promise((resolve, reject) => {
        asked.stats.push({ resolve, reject });
        asked.worker.postMessage({ do: 'worker_stats' } satisfies Question);
      });
    },
    async close() {
      const ending = thread;
      if (ending === null) return;
      thread = null;
      const ended = [...ending.sessions].map(([session, { closed }]) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        closed.push(resolve);
        ending.worker.postMessage({ session, do: 'close' } satisfies Order);
        return promise;
      });
      const late = AbortSignal.timeout(closeMs);
      await Promise.race([Promise.all(ended), new Promise<void>((resolve) => late.addEventListener('abort', () => resolve()))]);
      await ending.worker.terminate();
    },
  };
}

function hear({ counters, sessions, stats }: Thread, report: Report): void {
  if (report.report === 'batch') {
    Atomics.add(counters, 1, 1);
    deliver(sessions, report);
    return;
  }
  if (report.report === 'worker_stats') {
    stats.shift()?.resolve(report.stats);
    return;
  }
  const session = sessions.get(report.session);
  if (session === undefined) return;
  switch (report.report) {
    case 'opened':
      session.opened?.resolve(report.port);
      break;
    case 'refused':
      sessions.delete(report.session);
      session.opened?.reject(Object.assign(new Error(report.message), { code: report.code }));
      break;
    case 'stats':
      session.stats.shift()?.resolve(report.stats);
      break;
    default:
      sessions.delete(report.session);
      end(session, new Error('the media session has ended'));
  }
}

function deliver(sessions: ReadonlyMap<number, Open>, { frames, facts }: Batch): void {
  for (let at = 0; frames !== null && at < frames.length; ) {
    const [session, length, from] = [uint32(frames, at), uint16(frames, at + 4), at + frameHeaderBytes];
    const audio = frames.subarray(from, from + length);
    for (const listener of sessions.get(session)?.listeners ?? []) listener.frame(audio);
    at = from + length;
  }
  for (const [session, fact] of facts) for (const listener of sessions.get(session)?.listeners ?? []) listener.fact(fact);
}

function end(session: Open, error: Error): void {
  for (const { reject } of session.stats) reject(error);
  for (const resolve of session.closed) resolve();
}
