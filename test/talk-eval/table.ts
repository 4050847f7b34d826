/** The table of a run. */
export interface Row {
  readonly name: string;
  /** The maximum percentage of failed trials; null: no goal. */
  readonly atMost: number | null;
  talks: number;
  /** Number of pauses or talks, depending on the first expectation of a scenario. */
  trials: number;
  failed: number;
  /** Talks in which another expectation failed. */
  also: number;
  /** Time from the caller's last sound to the end of the turn, for turns that were not cut, ms. */
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

\`npm run talk-eval\` plays callers to the agent of a phone call, in virtual time: the production code of a call, with real audio through G.711 in frames of 20 ms, line noise and, where a row says so, the echo of the agent. The callers are recordings of a human (Debian's \`festvox-ru\`, 310 of the 620 recordings of one man) and \`festival\`, which speaks with units of them at varied pitch and level; the agent is the built-in voice. The recogniser knows the words, recognizes only those in the audio it is sent, writes no punctuation, and takes 250 ms for a partial and for a final; the errors of a real ear come on top. The silence that ends a turn is 500 ms. The scenarios are in \`test/talk-eval/scenarios/\`.

${tableOf(rows)}

- *trials*: pauses, for the rows about pauses, else talks. A pause is cut off if it is mistaken for the end of the turn, even if the agent was not heard yet.
- *other*: talks in which another expectation of the scenario failed, such as how soon the agent falls silent.
- *end of turn*: from the caller's last sound on the recording to the end of the turn.

${rows.reduce((sum, { talks }) => sum + talks, 0)} talks, played in ${Math.round(seconds)} s.

## What it does not show
- The human recordings are of one man, who reads. The word-based scenarios were written by the authors of the rules, except the row of rare backchannels.
- How a sentence sounds at its end was learned from the other 310 recordings of the same man (\`test/talk-eval/learn-cadence.ts\`); the features are relative to the pitch of the speaker, but no other speaker was tried. With the halves swapped, the results differ by less than one point. \`festival\` ends its sentences without the falling pitch of a human, so they are answered up to 200 ms later than a human's would be.
- Some pauses cannot be distinguished from ends: the recordings have pauses between whole sentences, and the agent takes them for ends, as a listener might.
- By the fourth turn the silence has grown for a speaker with long pauses (\`CALL_SILENCE=learned\`), and answers come later. A longer \`CALL_SILENCE_MS\` cuts off fewer pauses from the first turn on.
- Words of other people are distinguished from the caller's only by their level.
`;
