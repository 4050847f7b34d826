/** Runs a line script on an answered leg: the stream `telephony.media`, a voice and timers around the state machine. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tts } from '../../../adapters/tts/port.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import { telephony } from '../../../contracts/telephony.ts';
import { decode, encode } from '../../../media/audio/g711.ts';
import { resample } from '../../../media/audio/resample.ts';
import { readWav } from '../../../media/audio/wav.ts';
import { type AnswerVerdict, createAnswerDetector } from './answering.ts';
import { type LineEvent, type LineOrder, type LineState, moveLine, newLine } from './machine.ts';
import type { LineScript, Speech } from './script.ts';
import { createSpeaker } from './speaker.ts';

export interface LineParts {
  readonly bus: Pick<Bus, 'open' | 'call'>;
  readonly tts: Tts;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  /** The folder with the WAV files of scripts. */
  readonly folder: string;
  /** Hands the customer over; false if none of these people takes the call. */
  transfer(
    asked: { readonly callId: string; readonly people: readonly string[]; readonly rounds: number; readonly summary: string | null },
    signal: AbortSignal,
  ): Promise<boolean>;
  /** Connects the person on this leg with the waiting customer; false if it is too late. */
  connect(signal: AbortSignal): Promise<boolean>;
  /** Called once it is known who has answered. Absent if this system has answered. */
  readonly answered?: ((by: AnswerVerdict) => Promise<void>) | undefined;
}
/** Half a second: short enough that a key silences the rest of a phrase, with few messages. */
const chunkBytes = 4_000;

/** Resolves when the leg has ended or been handed over. */
export async function runLine(
  { callId, legId }: { readonly callId: string; readonly legId: string },
  script: LineScript,
  { bus, tts, log, now, folder, transfer, connect, answered }: LineParts,
  signal: AbortSignal,
): Promise<void> {
  const speaker = createSpeaker();
  const answering = answered && createAnswerDetector();
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let state: LineState = newLine;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The paused recording. */
  let paused: Promise<string | null> = Promise.resolve(null);

  function give(event: LineEvent): void {
    if (until.aborted) return;
    const moved = moveLine(script, state, event, now());
    state = moved.state;
    for (const order of moved.orders) obey(order);
  }
  function obey(order: LineOrder): void {
    switch (order.order) {
      case 'say':
        void say(order.id, order.parts);
        return;
      case 'hush':
        speaker.say({ clear: true });
        return;
      case 'wake':
        clearTimeout(timer);
        if (order.at !== null) timer = setTimeout(() => give({ kind: 'woken' }), Math.max(0, order.at - now()));
        return;
      case 'record':
        void acted(bus.call(telephony.record, { legId, on: order.on }, { signal: until }), 'the leg could not be recorded');
        return;
      case 'pause_recording':
        paused = paused.then((recordingId) => pauseRecording(order.isPaused, recordingId));
        return;
      case 'hang_up':
        void acted(bus.call(telephony.hang_up, { legId }, { signal }), 'the leg could not be hung up');
        return;
      case 'transfer':
        void handedOver(transfer({ callId, people: order.to, rounds: order.rounds, summary: order.summary }, until));
        return;
      case 'connect':
        void handedOver(connect(until));
    }
  }
  async function handedOver(work: Promise<boolean>): Promise<void> {
    try {
      give({ kind: (await work) ? 'transferred' : 'transfer_failed' });
    } catch (err) {
      if (!until.aborted) log.warn({ err, callId }, 'a call could not be handed over');
      give({ kind: 'transfer_failed' });
    }
  }
  /** Resumes the recording only if it was running before the pause. */
  async function pauseRecording(isPaused: boolean, before: string | null): Promise<string | null> {
    if (!isPaused && before === null) return null;
    try {
      return (await bus.call(telephony.record, { legId, on: !isPaused }, { signal: until })).recordingId;
    } catch (err) {
      log.info({ err, callId }, 'the recording of a leg could not be paused or resumed');
      return before;
    }
  }
  function hasAnswered(verdict: AnswerVerdict): void {
    if (verdict === 'machine') give({ kind: 'machine' });
    void acted(answered?.(verdict) ?? Promise.resolve(), 'it could not be stored who has answered');
  }
  async function say(id: string, parts: readonly Speech[]): Promise<void> {
    const isCurrent = (): boolean => String(state.said) === id && state.phase === 'saying' && !until.aborted;
    for (const [n, part] of parts.entries()) {
      let audio: Uint8Array;
      try {
        audio = await audioOf(part);
      } catch (err) {
        if (!until.aborted) log.warn({ err, callId }, 'a phrase could not be spoken; the call goes on without it');
        continue;
      }
      if (!isCurrent()) return;
      for (let at = 0; at < audio.length; at += chunkBytes)
        speaker.say({ id: `${id}.${n}.${at}`, audio: audio.subarray(at, at + chunkBytes) });
    }
    if (isCurrent()) speaker.say({ mark: id });
  }
  async function audioOf(part: Speech): Promise<Uint8Array> {
    if (typeof part === 'string') return await tts.speak({ text: part, language: script.language, voice: script.voice }, until);
    const { samples, rateHz, channels } = readWav(await readFile(join(folder, part.wav), { signal: until }));
    const mono = channels === 1 ? samples : samples.filter((_, nth) => nth % 2 === 0);
    return encode('PCMU', resample(mono, rateHz, 8_000));
  }
  async function acted(work: Promise<unknown>, failure: string): Promise<void> {
    try {
      await work;
    } catch (err) {
      log.info({ err, callId }, failure);
    }
  }

  try {
    const items = bus.open(telephony.media, { legId }, speaker, { signal: until });
    give({ kind: 'started' });
    for await (const item of items) {
      if (item instanceof Uint8Array) {
        const verdict = answering?.push(decode('PCMU', item)) ?? null;
        if (verdict !== null) hasAnswered(verdict);
        continue;
      }
      if ('played' in item) give({ kind: 'said', id: item.played });
      else if ('dtmf' in item) give({ kind: 'key', key: item.dtmf });
      else if ('held' in item) give({ kind: 'held', isHeld: item.held });
    }
  } finally {
    clearTimeout(timer);
    over.abort();
    speaker.end();
  }
}
