/** Whether a talk went as its scenario expects. */
import { digitsOf } from './numbers.ts';
import type { Expectation } from './scenario.ts';
import type { CallerSound, Observation } from './talk.ts';

export interface Verdict {
  readonly trials: number;
  readonly failed: number;
  /** The actual outcome, for the log. */
  readonly why: string | null;
}
const once = (ok: boolean, why: string): Verdict => ({ trials: 1, failed: ok ? 0 : 1, why: ok ? null : why });
/** An end of turn within this time of new speech was decided in the pause before it. */
const graceMs = 60;

export function judge(expected: Expectation, observed: Observation): Verdict {
  const { made, asked, heard, tools } = observed;
  const last = made.at(-1);
  const messages = asked.map(({ message }) => message).join(' | ');
  if (last === undefined) return once(false, 'the caller never spoke');
  if ('uncut' in expected) {
    const cut = cutPauses(last, observed);
    const why = cut.length === 0 ? null : `cut after ${cut.map(({ from, to }) => `${Math.round(to - from)} ms`).join(', ')}: ${messages}`;
    return { trials: last.pauses.length, failed: cut.length, why };
  }
  if ('withinMs' in expected) {
    const ms = endOfTurnMs(last, observed);
    return once(ms !== null && ms <= expected.withinMs, `the turn ended after ${ms} ms`);
  }
  if ('interrupted' in expected) {
    const is = isInterrupted(last, observed);
    return once(is === expected.interrupted, is === null ? 'nothing was said at that time' : `${last.words || 'the sound'}: ${messages}`);
  }
  if ('silentWithinMs' in expected) {
    const still = heard.find(({ from, to }) => from < last.from && to > last.from);
    return once(still === undefined || still.to - last.from <= expected.silentWithinMs, `heard for ${(still?.to ?? 0) - last.from} ms`);
  }
  if ('heard' in expected)
    return once(
      heard.some(({ text }) => text.includes(expected.heard)),
      `not heard: ${expected.heard}`,
    );
  if ('absent' in expected) return once(!heard.some(({ text }) => text.includes(expected.absent)), `heard: ${expected.absent}`);
  if ('asked' in expected)
    return once(
      asked.some(({ message }) => new RegExp(expected.asked, 'iu').test(message)),
      messages,
    );
  if ('messages' in expected) return once(asked.length === expected.messages, messages);
  if ('tool' in expected) return once(tools.includes(expected.tool), `tools: ${tools.join(', ')}`);
  const wanted = expected.slot === 'words' ? last.words : digitsOf(last.words);
  const found = asked.some(({ message }) => (expected.slot === 'words' ? message : digitsOf(message)).includes(wanted));
  return once(found, `${wanted}: ${messages}`);
}

/** Pauses that were mistaken for the end of a turn. */
function cutPauses(made: CallerSound, { asked }: Observation) {
  return made.pauses.filter(({ from }, nth) => {
    const next = made.pauses[nth + 1]?.from ?? made.to;
    return asked.some(({ at }) => at > from && at < next + graceMs - 1 && at < made.to);
  });
}
/** Time from the caller's last sound to the end of their turn; null if it was cut or never ended. */
export function endOfTurnMs(made: CallerSound, { asked }: Observation): number | null {
  const end = asked.find(({ at }) => at >= made.from);
  return end === undefined || end.at < made.to ? null : end.at - made.to;
}
/** Whether the sentence being said when the caller began was cut off; null if there was none. */
function isInterrupted({ over, from }: CallerSound, { entries }: Observation): boolean | null {
  if (over === null) return null;
  const entry = entries.find(
    (each) => each.who === 'agent' && each.startedAt <= from && (each.text === over || (each.isInterrupted && over.startsWith(each.text))),
  );
  return entry === undefined ? true : entry.isInterrupted;
}
