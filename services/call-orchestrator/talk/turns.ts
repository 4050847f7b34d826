/** Builds turns from the entries of both sides: the words of the customer, and the heard part of the answer. */
import type { CompletedTurn, TalkEntry } from './machine.ts';

export interface Turns {
  /** Adds an entry; entries may come in any order of speech. @returns the turns that are over */
  add(entry: TalkEntry): readonly CompletedTurn[];
  /** Ends the call; returns the remaining turns. */
  end(): readonly CompletedTurn[];
}
/** A turn is over when the customer speaks again; the customer's words may become known after the answer to them. */
export function createTurns(): Turns {
  let open: TalkEntry[] = [];
  function over(entries: readonly TalkEntry[]): readonly CompletedTurn[] {
    const turns: CompletedTurn[] = [];
    let said: TalkEntry[] = [];
    let replies: TalkEntry[] = [];
    const complete = (): void => {
      const [saidAt, endedAt] = [said.at(-1)?.endedAt, replies.at(-1)?.endedAt];
      if (saidAt !== undefined)
        turns.push({
          ...{ said: joined(said), saidAt, reply: joined(replies), endedAt: endedAt ?? saidAt },
          isInterrupted: replies.some(({ isInterrupted }) => isInterrupted),
        });
      [said, replies] = [[], []];
    };
    for (const entry of entries) {
      if (entry.who === 'customer' && replies.length > 0) complete();
      // Before the customer's first words there is nothing to reply to.
      if (entry.who === 'customer') said.push(entry);
      else if (said.length > 0) replies.push(entry);
    }
    complete();
    return turns;
  }
  return {
    add(entry) {
      open = [...open, entry].toSorted((a, b) => a.startedAt - b.startedAt);
      const next = open.findLastIndex(({ who }) => who === 'customer');
      const isAnswered = open
        .slice(0, next)
        .some(({ who }, at) => who === 'agent' && open.slice(0, at).some((before) => before.who === 'customer'));
      return isAnswered ? over(open.splice(0, next)) : [];
    },
    end: () => over(open.splice(0)),
  };
}
const joined = (entries: readonly TalkEntry[]): string => entries.map(({ text }) => text).join(' ');
