/**
 * Several ears as one: when an ear fails, or stays silent while somebody speaks, the next one takes over. It receives the audio without
 * known text, so no sentence is lost; later output of the former ear is dropped, so none is repeated. Once a preferred ear works again, it
 * takes over between two utterances.
 */
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { rateHz } from '../../media/audio/g711.ts';
import { createOutbox, type Outbox } from '../outbox.ts';
import { type PreferredDeps, preferred } from '../preferred.ts';
import { emitted } from './emitted.ts';
import type { Ear, HeardItem, HearOptions, SpokenItem } from './port.ts';
import { moved, samplesMs } from './times.ts';
import { createUnsettled } from './unsettled.ts';

export interface FirstEarDeps extends PreferredDeps {
  /** How long an ear may return nothing for speech or for a request for a final. */
  readonly watchdogMs: number;
}
/** Time limit for a recording if another ear is left. */
const recordingMs = 50_000;
/** Errors caused by the request, not by the ear. */
const ofRequest: readonly (string | undefined)[] = ['no_vocabulary'];
/** Two seconds of silence, enough for an ear to reply to. */
const probeAudio = new Uint8Array(2 * rateHz).fill(0xff);

/** @param ears in order of preference, at least one */
export function firstEarOf(ears: readonly Ear[], { watchdogMs, ...deps }: FirstEarDeps): Ear {
  const { clock } = deps;
  const order = preferred('asr', ears, probeOf, deps);
  const worked = (ear: Ear): void => {
    void deps.health(ear.provider).watch(async () => {}); // It cannot fail.
    order.worked(ear);
  };
  const speaking = (language: string): readonly Ear[] => {
    const [family = ''] = language.split('-');
    const found = ears.filter(({ languages }) => languages.length === 0 || languages.includes(family));
    return found.length > 0 ? found : ears;
  };

  function hear(spoken: AsyncIterable<SpokenItem>, options: HearOptions, outer: AbortSignal): AsyncIterable<HeardItem> {
    return emitted<HeardItem>(async (emit, signal) => {
      const usable = speaking(options.language);
      const audio = createUnsettled();
      const ended = Promise.withResolvers<void>();
      /** Ears tried since the last text. */
      const tried = new Set<Ear>();
      let isOver = false;
      let turn: Turn | undefined;
      let lastWatch = (): void => {};

      function open(ear: Ear): void {
        const replay = audio.replay();
        const now = clock.now();
        const mine: Turn = {
          ear,
          from: replay.from,
          up: createOutbox(),
          left: new AbortController(),
          speechSince: audio.hasSpeech && ear.answersSpeech ? now : undefined,
          owedSince: audio.owed.length > 0 || (isOver && audio.hasSpeech) ? now : undefined,
          hasAnswered: false,
          hasText: false,
        };
        turn = mine;
        for (const item of replay.items) mine.up.put(item);
        if (isOver) mine.up.end();
        void listen(mine);
        watch();
      }
      async function listen(mine: Turn): Promise<void> {
        try {
          for await (const item of mine.ear.hear(mine.up, options, AbortSignal.any([signal, mine.left.signal])))
            if (turn === mine) take(mine, item);
          if (turn !== mine) return;
          if (!isOver || audio.owed.length > 0) throw brokeOff(mine.ear);
          ended.resolve();
        } catch (thrown) {
          if (turn !== mine) return;
          if (signal.aborted || !isPolybError(thrown) || thrown.code === 'invalid_argument') ended.reject(thrown);
          else replace(mine, 'failed', thrown);
        }
      }
      function take(mine: Turn, item: HeardItem): void {
        if (item.kind === 'starts_over') {
          emit(item);
          return;
        }
        if (!mine.hasAnswered) worked(mine.ear);
        mine.hasAnswered = true;
        mine.speechSince = undefined;
        if (item.kind !== 'alive') {
          mine.hasText = true;
          tried.clear();
        }
        if (item.kind === 'final') {
          const final = { ...moved(item, samplesMs(mine.from)), provider: mine.ear.provider };
          audio.settle(bytesOf(final.endMs));
          emit(final);
        } else if (item.kind === 'finalized') {
          audio.answer();
          emit(item);
        } else if (item.kind === 'partial') emit(item);
        if (item.kind === 'final' || item.kind === 'finalized') mine.owedSince = audio.owed.length > 0 ? clock.now() : undefined;
        watch();
        if (item.kind === 'finalized') goBack(mine);
      }
      /** Returns to a preferred ear that works again, between two utterances. */
      function goBack(mine: Turn): void {
        const best = order.pick(usable);
        if (isOver || best === undefined || usable.indexOf(best) >= usable.indexOf(mine.ear)) return;
        if (audio.hasSpeech || audio.owed.length > 0) return;
        order.replaced(mine.ear, best, 'recovered');
        leave(mine);
        open(best);
      }
      function replace(mine: Turn, why: 'failed' | 'silent', error: PolybError): void {
        tried.add(mine.ear);
        const next = order.pick(usable.filter((each) => !tried.has(each))) ?? (mine.hasText ? mine.ear : undefined);
        // A silent ear is better than none.
        if (next === undefined && why === 'silent') return;
        if (!ofRequest.includes(error.reason)) order.failed(mine.ear, error);
        leave(mine);
        if (next === undefined) {
          turn = undefined;
          ended.reject(error);
          return;
        }
        order.replaced(mine.ear, next, why);
        if (audio.hasSpeech || audio.owed.length > 0) emit({ kind: 'starts_over' });
        open(next);
      }
      function watch(): void {
        lastWatch();
        const mine = turn;
        const since = Math.min(mine?.speechSince ?? Infinity, mine?.owedSince ?? Infinity);
        if (mine === undefined || since === Infinity) return;
        lastWatch = clock.after(since + watchdogMs - clock.now(), () => {
          if (turn === mine) replace(mine, 'silent', silent(mine.ear, watchdogMs));
        });
      }
      async function feed(): Promise<void> {
        for await (const item of spoken) {
          if (signal.aborted) return;
          audio.push(item);
          if (turn === undefined) continue;
          turn.up.put(item);
          if ('finalize' in item) turn.owedSince ??= clock.now();
          else if (audio.isSpeech && turn.ear.answersSpeech && turn.speechSince === undefined) turn.speechSince = clock.now();
          else continue;
          watch();
        }
        isOver = true;
        turn?.up.end();
        if (turn !== undefined && audio.hasSpeech) turn.owedSince ??= clock.now();
        watch();
      }
      const first = order.pick(usable);
      if (first === undefined) throw new TypeError('there is no ear');
      open(first);
      signal.addEventListener('abort', () => ended.reject(signal.reason), { once: true });
      try {
        await Promise.race([feed().then(() => ended.promise), ended.promise]);
      } finally {
        lastWatch();
        if (turn !== undefined) leave(turn);
        turn = undefined;
      }
    }, outer);
  }
  return {
    /** The ear that receives the next audio. */
    get provider() {
      return order.pick(ears)?.provider ?? '';
    },
    languages: [],
    vocabulary: 'open',
    hasWordTimes: false,
    limits: null,
    hear,
    async recognize(recording, options, signal) {
      const usable = [...speaking(options.language)];
      for (;;) {
        const ear = order.pick(usable);
        if (ear === undefined) throw new TypeError('there is no ear');
        usable.splice(usable.indexOf(ear), 1);
        try {
          const limit = usable.length > 0 ? AbortSignal.any([signal, AbortSignal.timeout(recordingMs)]) : signal;
          const finals = await ear.recognize(recording, options, limit);
          worked(ear);
          return finals.map((final) => ({ ...final, provider: ear.provider }));
        } catch (thrown) {
          if (signal.aborted || (isPolybError(thrown) && thrown.code === 'invalid_argument')) throw thrown;
          const error = isPolybError(thrown) ? thrown : silent(ear, recordingMs);
          if (!ofRequest.includes(error.reason)) order.failed(ear, error);
          const [next] = usable;
          if (next === undefined) throw error;
          order.replaced(ear, next, 'failed');
        }
      }
    },
    async close() {
      order.close();
      await Promise.all(ears.map((ear) => ear.close?.()));
    },
  };
}

/** The turn of one ear, from the point where it takes over. */
interface Turn {
  readonly ear: Ear;
  /** Position in the audio at which it began, in bytes. */
  readonly from: number;
  readonly up: Outbox<SpokenItem>;
  readonly left: AbortController;
  /** Since when a reply to speech is due, and a reply to a request for finals. */
  speechSince: number | undefined;
  owedSince: number | undefined;
  hasAnswered: boolean;
  /** Whether it has returned text or replied to a request. */
  hasText: boolean;
}

function leave({ left, up }: Turn): void {
  left.abort();
  up.end();
}
async function probeOf(ear: Ear, signal: AbortSignal): Promise<void> {
  if (ear.probe !== undefined) return await ear.probe(signal);
  const silence = async function* (): AsyncGenerator<SpokenItem> {
    yield probeAudio;
    yield { finalize: true };
  };
  for await (const _ of ear.hear(silence(), { language: 'ru-RU', hints: [] }, signal)) return;
  throw brokeOff(ear);
}
const bytesOf = (ms: number): number => Math.round((ms * rateHz) / 1_000);
const silent = ({ provider }: Ear, ms: number): PolybError =>
  new PolybError('deadline_exceeded', `The ear ${provider} says nothing for ${ms} ms.`, { reason: 'ear_silent' });
const brokeOff = ({ provider }: Ear): PolybError =>
  new PolybError('unavailable', `The ear ${provider} ended before the talk.`, { reason: 'ear_broke_off' });
