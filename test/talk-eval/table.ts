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

\`npm run talk-eval\` plays callers to the agent of a phone call, in virtual time: the code that runs on a call, with real audio through G.711 in frames of 20 ms, noise of the line and, where a row says so, the echo of the agent. The callers are recordings of a human (Debian's \`festvox-ru\`, 620 sentences of one man) and \`festival\`, which speaks with pieces of them at varied pitch and level; the agent is the built-in voice. The recogniser knows what was said, hears only the audio that it is sent, writes no punctuation, and takes 250 ms for a partial and for a final: an ear that errs adds its own mistakes. The silence that ends a turn is 500 ms. The scenarios are in \`test/talk-eval/scenarios/\`.

${tableOf(rows)}

- *trials*: pauses, for the rows about pauses, else talks. A pause is cut off when the turn is taken for ended in it, also when the agent was not heard yet.
- *other*: talks in which another expectation of the scenario failed, such as how soon the agent is silent.
- *end of turn*: from the last sound of the caller, where the recording has it, to the end of the turn.

${rows.reduce((sum, { talks }) => sum + talks, 0)} talks, played in ${Math.round(seconds)} s.

## What it does not show
- One man's voice, who reads. Other speakers were not recorded; what depends on words was written by those who wrote the rules, but for the row of rare signs of listening.
- The pauses of a reader are the hardest part: silence and words alone do not tell the end of a clause from the end of a sentence, and the goal is missed in a first turn. By the fourth the silence has become longer (\`CALL_SILENCE=learned\`), fewer are cut off, and answers come later. A longer \`CALL_SILENCE_MS\` does the same from the first turn on.
- Words of other people are told from the caller's by their level alone.
`;
