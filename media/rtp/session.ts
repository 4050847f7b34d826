/** The audio of one call leg: RTP both ways with one peer, its recording, and its facts. Uses no sockets or timers itself. */
import { decode, encode, type Law } from '../audio/g711.ts';
import { createDtmfDetector } from '../audio/goertzel.ts';
import { createSpeechDetector } from '../audio/speech.ts';
import type { WavWriter } from '../audio/wav.ts';
import { comfortNoiseType, noiseLevelDb } from './comfort-noise.ts';
import { createDigits, type DigitSource } from './digits.ts';
import { createJitterBuffer } from './jitter-buffer.ts';
import { createLatch, type Endpoint } from './latch.ts';
import type { MediaFact, MediaStats, Negotiated } from './media.ts';
import { createOutbound } from './outbound.ts';
import { isRtcp, parseRtp, type RtpPacket } from './packet.ts';
import { createRecorder, type PauseFill, type Recorder } from './recorder.ts';
import { createReports } from './reports.ts';
import { createSrtpReceiver, createSrtpSender, type SrtpReceiver, type SrtpSender } from './srtp.ts';
import { createEventReceiver } from './telephone-event.ts';

export interface RtpSession {
  /** Applies the result of the negotiation, initially and after every re-INVITE. Each call lets the peer move once. */
  configure(negotiated: Negotiated, nowMs: number): void;
  /**
   * Handles received bytes. `isTimely` is false if they waited while this thread was busy: their arrival says nothing about the network.
   */
  receive(bytes: Uint8Array, from: Endpoint, nowMs: number, isTimely?: boolean): void;
  receiveControl(bytes: Uint8Array, from: Endpoint, nowMs: number): void;
  /** Does the work due at `dueMs`; called every `tickMs()`, also for past moments. */
  tick(dueMs: number): void;
  /** 20, or 10 where frames of 10, 30 or 50 ms are sent. */
  tickMs(): number;
  play(id: string, pcmu: Uint8Array): void;
  clear(): void;
  mark(id: string): void;
  sendDtmf(digits: string): void;
  /** Handles a key received by signalling. */
  digit(digit: string, by: DigitSource, nowMs: number): void;
  /** Sends the audio heard here to another session; one direction. */
  connect(other: RtpSession | null): void;
  /** Takes audio of the connected party. */
  bridge(frame: Uint8Array): void;
  /** Begins a recording after ending the previous one; null only ends it. */
  record(file: string | null, nowMs: number): void;
  pauseRecording(on: boolean, fill: PauseFill, nowMs: number): void;
  stats(): MediaStats;
  /** Says goodbye and completes the recording. */
  close(nowMs: number): Promise<void>;
}
export interface SessionOptions {
  readonly cname: string;
  readonly random: () => number;
  readonly send: (bytes: Uint8Array, to: Endpoint) => void;
  readonly sendControl: (bytes: Uint8Array, to: Endpoint) => void;
  /** 20 ms of μ-law from the phone. The listener owns the bytes. */
  readonly frame: (audio: Uint8Array<ArrayBuffer>) => void;
  readonly fact: (fact: MediaFact) => void;
  readonly createWriter: (file: string, failed: (error: Error) => void) => WavWriter;
  /** Milliseconds since 1970 at zero of the clock of all `nowMs`. */
  readonly timeOrigin: number;
  /** Silence of the network for this long is reported as a fact. */
  readonly inactivityMs?: number;
}

const frameMs = 20;
/** No telephone sends more audio in one packet. */
const mostSamples = 1_600;
/** A change of the delay that is not reported; a longer delay is that of a stall, in which nothing is known of it. */
const [smallDelayMs, longestDelayMs] = [5, 1_000];
/** Maximum frames between reports of the delay, since a listener may join at any time. */
const delayEveryFrames = 50;
const laws: ReadonlyMap<number, Law> = new Map([
  [0, 'PCMU'],
  [8, 'PCMA'],
]);

export function createSession(options: SessionOptions): RtpSession {
  const { random, fact, inactivityMs = 30_000 } = options;
  const latch = createLatch();
  const buffer = createJitterBuffer({ random });
  const speech = createSpeechDetector();
  const digits = createDigits();
  const events = createEventReceiver();
  let tones = createDtmfDetector();
  let now: Negotiated | null = null;
  let [protect, unprotect]: [SrtpSender | null, SrtpReceiver | null] = [null, null];
  let other: RtpSession | null = null;
  let recording: { readonly file: string; readonly recorder: Recorder; readonly error: () => Error | null } | null = null;
  let ending: Promise<void> = Promise.resolve();
  let [heardMs, isInactive] = [Number.NaN, false];
  let nextPullMs = Number.NEGATIVE_INFINITY;
  let [delayMs, delayFrames] = [Number.NEGATIVE_INFINITY, 0];
  let [strangers, rejected, received] = [0, 0, 0];
  let isClosed = false;

  const outbound = createOutbound({
    random,
    played: ({ id, ms }) => fact({ played: id, ms }),
    send(packet) {
      const to = latch.target();
      if (to !== null) options.send(protect?.protect(packet) ?? packet, to);
    },
    spoken: (samples, atMs) => recording?.recorder.right(samples, atMs),
  });
  const reports = createReports({
    cname: options.cname,
    random,
    timeOrigin: options.timeOrigin,
    outbound,
    fact,
    send(packet) {
      const to = latch.target();
      if (to === null) return;
      const bytes = protect?.protectRtcp(packet) ?? packet;
      if (now?.rtcpMux) options.send(bytes, to);
      else options.sendControl(bytes, { address: to.address, port: to.port + 1 });
    },
  });

  const isReceiving = () => now?.direction === 'sendrecv' || now?.direction === 'recvonly';
  const isHeld = () => now?.direction === 'recvonly' || now?.direction === 'inactive';
  const pressed = (digit: string, by: DigitSource, nowMs: number) => {
    if (!digits.isNew(digit, by, nowMs)) return;
    fact({ dtmf: digit, by });
    if (by !== 'inband') other?.sendDtmf(digit); // an in-band tone is in the forwarded audio anyway
  };
  /** The kind of a payload type; null if it was not negotiated. */
  const kindOf = (payloadType: number): Law | 'event' | 'noise' | null => {
    if (payloadType === now?.payloadType) return now.codec;
    if (payloadType === now?.telephoneEventType) return 'event';
    // Packets of the previous codec may still arrive, and it may return at any time: both are accepted.
    return laws.get(payloadType) ?? (payloadType === comfortNoiseType ? 'noise' : null);
  };
  const take = (packet: RtpPacket, kind: Law | 'event' | 'noise', nowMs: number, isTimely: boolean) => {
    const { ssrc, timestamp, marker, payload } = packet;
    if (kind === 'event') {
      const digit = events.packet(packet);
      if (digit !== null) pressed(digit, 'rfc4733', nowMs);
    } else if (kind === 'noise') {
      const levelDb = noiseLevelDb(payload);
      if (levelDb !== null) buffer.insertNoise({ ssrc, timestamp, levelDb }, nowMs);
    } else {
      const samples = decode(kind, payload);
      buffer.insert({ ssrc, timestamp, marker, samples, isTimely }, nowMs);
      recording?.recorder.left({ ssrc, timestamp, samples, isTimely }, nowMs);
    }
  };
  const reportDelay = (ms: number) => {
    const isKnown = ms >= 0 && ms <= longestDelayMs;
    delayFrames += 1;
    if (!isKnown || (Math.abs(ms - delayMs) < smallDelayMs && delayFrames < delayEveryFrames)) return;
    [delayMs, delayFrames] = [ms, 0];
    fact({ delayMs });
  };
  const pull = (dueMs: number) => {
    if (dueMs < nextPullMs - 0.5) return;
    nextPullMs = dueMs - nextPullMs > frameMs ? dueMs + frameMs : nextPullMs + frameMs;
    const samples = isReceiving() ? buffer.pull(dueMs) : null;
    if (samples === null) return;
    reportDelay(buffer.lagMs() ?? 0);
    const edge = speech.push(samples);
    if (edge !== null) fact({ speech: edge });
    if (now?.telephoneEventType === null) for (const digit of tones.push(samples)) pressed(digit, 'inband', dueMs);
    const frame = encode('PCMU', samples);
    other?.bridge(frame);
    options.frame(frame);
  };
  const watch = (dueMs: number) => {
    if (now?.direction !== 'sendrecv') return;
    const silentMs = dueMs - heardMs;
    if (silentMs < inactivityMs || isInactive) return;
    isInactive = true;
    fact({ inactiveMs: Math.round(silentMs) });
  };
  const endRecording = (nowMs: number) => {
    const ended = recording;
    if (ended === null) return;
    recording = null;
    const complete = async () => {
      const { ms } = await ended.recorder.close(nowMs);
      fact({ recording: ended.file, ms, error: ended.error()?.message ?? null });
    };
    ending = ending.then(complete);
  };
  const heard = (nowMs: number) => {
    heardMs = nowMs;
    isInactive = false;
  };

  const session: RtpSession = {
    configure(negotiated, nowMs) {
      const [wasHeld, wasReceiving] = [isHeld(), isReceiving()];
      if (negotiated.srtp?.local !== now?.srtp?.local)
        protect = negotiated.srtp ? createSrtpSender(Buffer.from(negotiated.srtp.local, 'base64')) : null;
      if (negotiated.srtp?.remote !== now?.srtp?.remote)
        unprotect = negotiated.srtp ? createSrtpReceiver(Buffer.from(negotiated.srtp.remote, 'base64')) : null;
      latch.expect(negotiated.remote);
      now = negotiated;
      outbound.configure(negotiated);
      heard(nowMs); // the timer begins, or waits while one side is on hold
      if (!wasReceiving && isReceiving()) {
        buffer.reset();
        tones = createDtmfDetector();
      }
      if (wasHeld === isHeld()) return;
      outbound.playout.clear(); // queued audio is stale when the call resumes
      fact({ held: isHeld() });
    },
    receive(bytes, from, nowMs, isTimely = true) {
      if (now === null || isClosed) return;
      if (isRtcp(bytes)) return session.receiveControl(bytes, from, nowMs);
      const clear = unprotect === null ? bytes : unprotect.open(bytes);
      const packet = clear === null ? null : parseRtp(clear);
      const kind = packet === null ? null : kindOf(packet.payloadType);
      if (packet === null || kind === null || packet.payload.length > mostSamples) {
        rejected += 1;
        return;
      }
      if (!latch.accepts(from, packet)) {
        strangers += 1;
        return;
      }
      heard(nowMs);
      if (!isReceiving()) return;
      received += 1;
      reports.received(packet, nowMs);
      take(packet, kind, nowMs, isTimely);
    },
    receiveControl(bytes, from, nowMs) {
      if (isClosed || !latch.isPeer(from.address)) return;
      const clear = unprotect === null ? bytes : unprotect.openRtcp(bytes);
      if (clear !== null && reports.receive(clear, nowMs)) heard(nowMs);
    },
    tick(dueMs) {
      if (isClosed) return;
      pull(dueMs);
      outbound.tick(dueMs);
      reports.tick(dueMs);
      recording?.recorder.advance(dueMs);
      watch(dueMs);
    },
    tickMs: () => ((now?.ptimeMs ?? frameMs) % frameMs === 0 ? frameMs : frameMs / 2),
    play(id, pcmu) {
      outbound.playout.play(id, pcmu);
      if (isHeld()) outbound.playout.clear();
    },
    clear: () => outbound.playout.clear(),
    mark: (id) => outbound.playout.mark(id),
    sendDtmf: (keys) => outbound.sendDtmf(keys),
    digit: pressed,
    connect(next) {
      other = next;
    },
    bridge: (frame) => outbound.bridge(frame),
    record(file, nowMs) {
      endRecording(nowMs);
      if (file === null || isClosed) return;
      let error: Error | null = null;
      const failed = (reason: Error) => {
        error = reason;
        if (recording?.recorder === recorder) endRecording(nowMs);
      };
      const recorder: Recorder = createRecorder(options.createWriter(file, failed), nowMs);
      recording = { file, recorder, error: () => error };
    },
    pauseRecording: (on, fill, nowMs) => recording?.recorder.pause(on, fill, nowMs),
    stats() {
      const { delayMs, late, duplicates, driftPpm } = buffer.stats();
      const { packets: sent } = outbound.counts();
      return { received, strangers, rejected, sent, late, duplicates, delayMs, driftPpm, peer: latch.target(), ...reports.stats(delayMs) };
    },
    async close(nowMs) {
      if (isClosed) return ending;
      reports.goodbye(nowMs);
      isClosed = true;
      outbound.playout.clear();
      endRecording(nowMs);
      await ending;
    },
  };
  return session;
}
