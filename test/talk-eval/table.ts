/** The table of a run. */
export interface Row {
  readonly name: string;
  /** The share of trials that may fail, percent; null: no goal. */
  readonly atMost: number | null;
  talks: number;
  /** Pauses, or talks, by the first expectation of a scenario. */
  trials: number;
  failed: number;
  /** Talks in which another expectation failed. */
  also: number;
  /** From the last sound of a caller to the end of the turn, of turns that were not cut, ms. */
  readonly endMs: number[];
}
const quantile = (values: readonly number[], share: number): string =>
  values.length === 0
    ? '–'
    : String(Math.round(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0));
const percent = (failed: number, trials: number): string => (trials === 0 ? '–' : `${((100 * failed) / trials).toFixed(1)} %`);

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ name, atMost, talks, trials, failed, also, endMs }) =>
    [
      ...[name, String(talks), String(trials), String(failed), percent(failed, trials)],
      ...[atMost === null ? '–' : `≤ ${atMost} %`, String(also), quantile(endMs, 0.5), quantile(endMs, 0.95)],
    ].join(' | '),
  );
  return [
    '| wrong | talks | trials | failed | share | goal | other | end of turn p50, ms | p95 |',
    '| --- | --: | --: | --: | --: | --: | --: | --: | --: |',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}

/** The page of the documentation. */
export const pageOf = (rows: readonly Row[], seconds: number): string => `# How often the agent on the phone is wrong

<!-- Written by \`npm run talk-eval\`. -->

\`npm run talk-eval\` plays callers to the agent of a phone call, in virtual time: the code that runs on a call, with real audio through G.711 in frames of 20 ms, noise of the line and, where a row says so, the echo of the agent. The callers are recordings of a human (Debian's \`festvox-ru\`, 310 of the 620 recordings of one man) and \`festival\`, which speaks with pieces of them at varied pitch and level; the agent is the built-in voice. The recogniser knows what was said, hears only the audio that it is sent, writes no punctuation, and takes 250 ms for a partial and for a final: an ear that errs adds its own mistakes. The silence that ends a turn is 500 ms. The scenarios are in \`test/talk-eval/scenarios/\`.

${tableOf(rows)}

- *trials*: pauses, for the rows about pauses, else talks. A pause is cut off when the turn is taken for ended in it, also when the agent was not heard yet.
- *other*: talks in which another expectation of the scenario failed, such as how soon the agent is silent.
- *end of turn*: from the last sound of the caller, where the recording has it, to the end of the turn.

${rows.reduce((sum, { talks }) => sum + talks, 0)} talks, played in ${Math.round(seconds)} s.

## What it does not show
- One man's voice, who reads. Other speakers were not recorded; what depends on words was written by those who wrote the rules, but for the row of rare signs of listening.
- How a sentence sounds at its end was learned from the other 310 recordings of the same man (\`test/talk-eval/learn-cadence.ts\`); what is learned is relative to the pitch of the speaker, but no other speaker was tried. Where the halves change places, the results differ by less than one point. \`festival\` ends its sentences without the fall of a human's pitch, so that those that it speaks are answered up to 200 ms later than a human's would be.
- Some pauses cannot be told from ends: the recordings have pauses between whole sentences, and the agent takes them for ends, as a listener might.
- By the fourth turn the silence has become longer for a speaker who pauses long (\`CALL_SILENCE=learned\`), and answers come later. A longer \`CALL_SILENCE_MS\` cuts fewer pauses off from the first turn on.
- Words of other people are told from the caller's by their level alone.
`;
