/**
 * Builds turns from the transcripts of GPT-Live, which has none: both sides may speak at once, and the provider reports fragments with
 * their place on the timeline of the session. A turn ends where the other side begins, or at a pause.
 */
import type { SpeechEvent } from '../../realtime/port.ts';

export interface LiveTurns {
  /** @param startMs, endMs on the timeline of the session */
  fragment(who: 'customer' | 'agent', text: string, startMs: number, endMs: number): readonly SpeechEvent[];
  /** Closes the current turns. @param who only that of this side */
  close(who?: 'customer' | 'agent'): readonly SpeechEvent[];
}

/** @param now Unix ms */
export function createLiveTurns(now: () => number): LiveTurns {
  let turns = 0;
  /** Start of the session, Unix ms, derived from the first fragment, so that all times keep the provider's order. */
  let origin: number | null = null;
  let current: { readonly who: 'customer' | 'agent'; readonly id: string; text: string; endMs: number } | null = null;

  function close(who?: 'customer' | 'agent'): readonly SpeechEvent[] {
    if (current === null || (who !== undefined && who !== current.who)) return [];
    const { id, text, endMs, who: side } = current;
    current = null;
    const at = (origin ?? 0) + endMs;
    if (side === 'agent') return [{ kind: 'heard', answer: id, isWhole: true, at }];
    return [
      { kind: 'speech_stopped', item: id, atMs: endMs, at },
      { kind: 'words', item: id, text: text.trim(), isFinal: true },
    ];
  }
  return {
    close,
    fragment(who, text, startMs, endMs) {
      origin ??= now() - endMs;
      const events = current?.who === who ? [] : [...close()];
      if (current === null) {
        turns += 1;
        const id = `turn_${turns}`;
        current = { who, id, text: '', endMs };
        const at = origin + startMs;
        if (who === 'customer') events.push({ kind: 'speech_started', item: id, atMs: startMs, at });
        else events.push({ kind: 'answering', answer: id }, { kind: 'playing', answer: id, at });
      }
      current.text += text;
      current.endMs = Math.max(current.endMs, endMs);
      const { id } = current;
      if (who === 'customer') events.push({ kind: 'words', item: id, text, isFinal: false });
      else events.push({ kind: 'text', answer: id, item: id, text, hasAudio: true });
      return events;
    },
  };
}
