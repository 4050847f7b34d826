/** Live recognition, `GET /v1/listen`. */
import { rateHz } from '../../../media/audio/g711.ts';
import type { HeardItem, HearOptions } from '../../asr/port.ts';
import { type Client, once } from './client.ts';
import { finalOf, Metadata, msOf, Results } from './results.ts';
import type { Protocol } from './socket.ts';

type Live = Awaited<ReturnType<Client['listen']['v1']['connect']>>;

/** The provider closes a connection without audio for 10 s. */
const keepAliveMs = 4_000;
/** `Finalize` is not always answered if little audio is left; after `patienceMs`, results within `nearMs` of it count as the answer. */
const [patienceMs, nearMs] = [500, 250];
/** Maximum characters of all key terms: the provider accepts 500 tokens. */
const keytermChars = 1_000;

export async function openLive(client: Client, model: string, { language, hints }: HearOptions): Promise<Live> {
  return await client.listen.v1.connect({
    ...once,
    model,
    language: languageOf(language),
    encoding: 'mulaw',
    sample_rate: rateHz,
    interim_results: 'true',
    punctuate: 'true',
    endpointing: 300,
    ...(model.startsWith('nova-3') && hints.length > 0 && { keyterm: [...keytermsOf(hints)] }),
  } as Parameters<typeof client.listen.v1.connect>[0]);
}

export function liveProtocol(socket: Live, now: () => number): Protocol {
  let [sentMs, settledMs, reachedMs, partial, lastSentAt] = [0, 0, 0, '', now()];
  let isComplete = false;
  /** Pending requests for finals, and when they were sent. */
  let owed: { readonly atMs: number; readonly askedAt: number }[] = [];

  /** Answers the first request and those that followed without audio in between. */
  function answer(): readonly HeardItem[] {
    const [first] = owed;
    if (first === undefined) return [];
    settledMs = first.atMs;
    const answered = owed.filter(({ atMs }) => atMs === first.atMs);
    owed = owed.slice(answered.length);
    return answered.map(() => ({ kind: 'finalized' }));
  }
  const answerIfReached = (): readonly HeardItem[] => {
    const [first] = owed;
    if (first === undefined || partial !== '' || now() - first.askedAt < patienceMs || reachedMs < first.atMs - nearMs) return [];
    return answer();
  };
  return {
    hear(audio) {
      socket.sendMedia(audio);
      sentMs += (audio.length * 1_000) / rateHz;
      lastSentAt = now();
    },
    finalize() {
      const last = owed.at(-1);
      if (last === undefined && sentMs === settledMs) return [{ kind: 'finalized' }];
      owed.push({ atMs: sentMs, askedAt: now() });
      if (last?.atMs !== sentMs) socket.sendFinalize({ type: 'Finalize' });
      return [];
    },
    read(message) {
      isComplete ||= Metadata.safeParse(message).success;
      const { success, data } = Results.safeParse(message);
      if (!success) return [{ kind: 'alive' }];
      const [alternative] = data.channel.alternatives;
      const transcript = alternative?.transcript.trim() ?? '';
      const toMs = msOf(data.start + data.duration);
      reachedMs = Math.max(reachedMs, toMs);
      const items: HeardItem[] = [];
      if (data.is_final) {
        partial = '';
        if (alternative !== undefined && transcript !== '') items.push(finalOf({ ...alternative, transcript }, msOf(data.start), toMs));
      } else if (transcript !== partial) {
        partial = transcript;
        if (transcript !== '') items.push({ kind: 'partial', text: transcript });
      }
      if (items.length === 0) items.push({ kind: 'alive' });
      return [...items, ...(data.from_finalize ? answer() : answerIfReached())];
    },
    tick() {
      if (now() - lastSentAt >= keepAliveMs) {
        socket.sendKeepAlive({ type: 'KeepAlive' });
        lastSentAt = now();
      }
      return answerIfReached();
    },
    end: () => socket.sendCloseStream({ type: 'CloseStream' }),
    closed: () => (owed.length === 0 || isComplete ? owed.map(() => ({ kind: 'finalized' })) : null),
  };
}

/** BCP 47 without the country: the provider supports few countries. */
export const languageOf = (language: string): string => language.split('-')[0] ?? language;
export function* keytermsOf(hints: readonly string[]): Generator<string> {
  let left = keytermChars;
  for (const hint of hints) {
    left -= hint.length;
    if (left < 0) return;
    yield hint;
  }
}
