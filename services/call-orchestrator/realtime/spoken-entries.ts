/** The transcript of a call whose audio a provider has, built from the events of its session. */
import type { SpeechEvent } from '../../../adapters/realtime/port.ts';
import { heardOf } from '../talk/heard-words.ts';
import type { TalkEntry } from '../talk/machine.ts';

export interface SpokenEntries {
  /** Takes events in order of arrival. @returns an entry, if the event completes one */
  take(event: SpeechEvent): TalkEntry | null;
  /** Ends the call; returns the heard parts of answers that were still playing. */
  end(): readonly TalkEntry[];
}
/**
 * The times of entries give the order of speech, since a customer's words may arrive after the answer to them. Only the elapsed time shows
 * how much of an interrupted answer was played.
 */
export function createSpokenEntries(now: () => number): SpokenEntries {
  let last = 0;
  const said = new Map<string, { readonly startedAt: number; endedAt: number | null }>();
  const answers = new Map<string, { text: string; startedAt: number | null }>();
  /** No two entries begin at the same time. */
  function begin(): number {
    last = Math.max(now(), last + 1);
    return last;
  }
  const entry = (of: Pick<TalkEntry, 'who' | 'text' | 'startedAt'> & Partial<TalkEntry>): TalkEntry => ({
    ...{ endedAt: Math.max(of.startedAt, now()), isInterrupted: false, waterfall: null },
    ...of,
  });
  function answerOf(id: string): { text: string; startedAt: number | null } {
    const known = answers.get(id) ?? { text: '', startedAt: null };
    answers.set(id, known);
    return known;
  }
  function heard(
    { text, startedAt }: { readonly text: string; readonly startedAt: number | null },
    { isWhole, at = now() }: { readonly isWhole: boolean; readonly at?: number },
  ): TalkEntry | null {
    const since = startedAt ?? begin();
    const words = isWhole ? text.trim() : heardOf({ text, playedMs: at - since, voicedMs: 0 });
    return words === ''
      ? null
      : entry({ who: 'agent', text: words, startedAt: since, endedAt: Math.max(since, at), isInterrupted: !isWhole });
  }
  return {
    take(event) {
      switch (event.kind) {
        case 'speech_started':
          said.set(event.item, { startedAt: event.at ?? begin(), endedAt: null });
          return null;
        case 'speech_stopped': {
          const utterance = said.get(event.item);
          if (utterance !== undefined) utterance.endedAt = event.at ?? now();
          return null;
        }
        case 'committed':
          if (event.item !== null && !said.has(event.item)) said.set(event.item, { startedAt: begin(), endedAt: now() });
          return null;
        case 'words': {
          if (!event.isFinal) return null;
          const { startedAt, endedAt } = said.get(event.item) ?? { startedAt: begin(), endedAt: null };
          said.delete(event.item);
          if (event.text === '') return null;
          return entry({
            who: 'customer',
            text: event.text,
            startedAt,
            ...(endedAt === null ? {} : { endedAt: Math.max(startedAt, endedAt) }),
          });
        }
        case 'key':
          return entry({ who: 'customer', text: event.key, startedAt: begin() });
        case 'text':
          answerOf(event.answer).text += event.text;
          return null;
        case 'playing':
          answerOf(event.answer).startedAt = event.at ?? begin();
          return null;
        case 'heard': {
          const answer = answers.get(event.answer);
          answers.delete(event.answer);
          return answer === undefined ? null : heard(answer, event);
        }
        default:
          return null;
      }
    },
    end() {
      const playing = [...answers.values()].filter(({ startedAt }) => startedAt !== null);
      answers.clear();
      return playing.flatMap((answer) => heard(answer, { isWhole: false }) ?? []);
    },
  };
}
