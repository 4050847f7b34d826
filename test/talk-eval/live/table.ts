/** The table and the page of the live scenarios. */
export interface Ended {
  readonly name: string;
  readonly shows: string;
  readonly seconds: number;
  /** The transcript with its waterfalls. */
  readonly drawn: string;
  readonly missed: readonly string[];
  /** Latency of each answer on the recording, ms. */
  readonly waits: readonly number[];
  /** The latency on the recording minus that of the waterfall, ms. */
  readonly apart: readonly number[];
}

export function liveTableOf(ended: readonly Ended[]): string {
  const lines = ended.map(({ name, shows, seconds, waits, apart, missed }) =>
    [
      name,
      shows,
      `${seconds} s`,
      waits.join(', ') || '–',
      apart.map(signed).join(', ') || '–',
      missed.length === 0 ? 'as expected' : missed.join('; '),
    ].join(' | '),
  );
  return [
    '| call | shows | length | answers, ms | recording − waterfall, ms | went |',
    '| --- | --- | --: | --- | --- | --- |',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}
const signed = (ms: number): string => (ms > 0 ? `+${ms}` : String(ms));

export const livePageOf = (ended: readonly Ended[]): string => `# Calls in which the agent is interrupted, held and left alone

<!-- Written by \`npm run talk-eval -- --live\`. -->

\`npm run talk-eval -- --live --out=DIR\` starts the services of a phone call on its own servers, without any key, and calls the agent over SIP and RTP. The caller is \`festival\`, which speaks with recordings of a human; the ear is \`russian-acoustic\`, the voice \`espeak\`, the dialog the built-in one. Each call leaves its recording (left the caller, right the system) and its transcript in the folder. The expectations of each scenario in \`test/talk-eval/live/scenarios.yaml\` are checked against the recording and the transcript; a failed one makes the exit status 1, and so does a waterfall that differs from the recording by more than 40 ms.

${liveTableOf(ended)}

${ended.map(({ name, shows, drawn }) => `## ${name}\nExpected: ${shows}.\n\n\`\`\`\n${drawn.trimEnd()}\n\`\`\``).join('\n\n')}
`;
