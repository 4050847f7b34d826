/** `polyb intents eval`. */
import { readFile } from 'node:fs/promises';
import type { AskingLlm } from '../../../adapters/llm/port.ts';
import type { Group } from '../../../config/read.ts';
import { uncounted } from '../../../contracts/kit/metric.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { drawTable } from '../../../scripts/cli/kernel/text.ts';
import type { Line } from '../dataset.ts';
import type { Evaluation, UrgencyEvaluation } from '../evaluate.ts';

interface Cost {
  /** The model that was there to be asked. */
  readonly llm: string | null;
  readonly asked: number;
  readonly answered: number;
  readonly tokensPerThousand: { readonly input: number; readonly output: number };
  /** Of a thousand messages, in the currency of the prices; null without them. */
  readonly perThousand: number | null;
  readonly localMs: number;
}

export async function evalIntents(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [{ cascade }, { askLlm }, { evaluate }, { readModel }, unseen] = await Promise.all([
    import('../cascade.ts'),
    import('../ask-llm.ts'),
    import('../evaluate.ts'),
    import('../model-file.ts'),
    args[0] === undefined ? evaluateUnseen(signal) : null,
  ]);
  const price = { input: priceOf(invocation, 'price-in'), output: priceOf(invocation, 'price-out') };
  const lines = await linesOf(args[0]);
  const local = await readModel();
  const localMs = medianMs(lines, local);
  await using language = flags.on('local') ? null : await languageModel(invocation);
  const ask = language === null ? null : askLlm(language.llm, { timeoutMs: flags.ms('timeout') ?? 30_000 });
  const spent = { asked: 0, answered: 0, input: 0, output: 0 };
  const judge = cascade({
    patterns: async () => [],
    local,
    askLlm:
      ask === null
        ? null
        : async (text, at) => {
            const answer = await ask(text, at);
            spent.asked += 1;
            spent.answered += answer.opinion === null ? 0 : 1;
            spent.input += answer.inputTokens;
            spent.output += answer.outputTokens;
            return answer;
          },
  });
  const answers = await inOrder(lines, 8, ({ text, answersQuestion }, index) =>
    judge(text, { ref: `line-${index + 1}`, answersQuestion, signal }),
  );
  const per = (tokens: number) => Math.round((tokens * 1000) / lines.length);
  const tokensPerThousand = { input: per(spent.input), output: per(spent.output) };
  const cost: Cost = {
    llm: language?.llm.name ?? null,
    asked: spent.asked,
    answered: spent.answered,
    tokensPerThousand,
    perThousand: language === null ? 0 : totalOf(tokensPerThousand, price),
    localMs,
  };
  const result = { ...evaluate(lines, answers), cost, ...unseen };
  await out.result(result, {
    text: () => [draw(result, cost, args[0], out.width), ...(unseen === null ? [] : drawUnseen(unseen))].join('\n'),
  });
  return 0;
}

/** The sets that neither the training nor a threshold nor a word list was made with, without a language model. */
async function evaluateUnseen(signal: AbortSignal): Promise<Unseen> {
  const [{ cascade }, { evaluate, evaluateUrgency }, { ownLines, readModel, urgencyLines }, { isUrgent }] = await Promise.all([
    import('../cascade.ts'),
    import('../evaluate.ts'),
    import('../model-file.ts'),
    import('../urgency.ts'),
  ]);
  const judge = cascade({ patterns: async () => [], local: await readModel(), askLlm: null });
  const held = await ownLines('held');
  const answers = await inOrder(held, 1, ({ text, answersQuestion }) => judge(text, { answersQuestion, signal }));
  return { held: evaluate(held, answers), urgency: evaluateUrgency(await urgencyLines(), isUrgent) };
}
interface Unseen {
  readonly held: Evaluation;
  readonly urgency: UrgencyEvaluation;
}
function drawUnseen({ held: { lines, accuracy, certain }, urgency }: Unseen): readonly string[] {
  return [
    `held out           ${lines} lines: accuracy ${percent(accuracy)}, certain ${share(certain.lines, lines)}, of them wrong ${share(certain.wrong, certain.lines)}`,
    `urgency            found ${share(urgency.found, urgency.urgent)}, false ${share(urgency.false, urgency.others)}`,
  ];
}

async function linesOf(file: string | undefined): Promise<readonly Line[]> {
  const [{ readLines }, { ownLines }] = await Promise.all([import('../dataset.ts'), import('../model-file.ts')]);
  if (file === undefined) return ownLines('test');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw wrongUsage(`cannot read ${file}: ${error.code}`, { subject: 'intents eval', next: ['polyb intents eval --help'] });
  });
  return readLines(text);
}

/** The providers that the settings of intent-classifier name. */
async function languageModel({ env, out }: Invocation): Promise<({ readonly llm: AskingLlm } & AsyncDisposable) | null> {
  const [{ loadServices, groupsOf, flatGroups }, { read }, { openSources }, { common }, { createHttp }, { llmAdapters }, { firstOf }] =
    await Promise.all([
      import('../../../runtime/services.ts'),
      import('../../../config/read.ts'),
      import('../../../config/env.ts'),
      import('../../../config/common.ts'),
      import('../../../adapters/http.ts'),
      import('../../../adapters/llm/index.ts'),
      import('../../../adapters/llm/first-of.ts'),
    ]);
  const [loaded] = await loadServices(['intent-classifier']);
  if (loaded === undefined) return null;
  const groups = groupsOf(loaded);
  const settings = read([common, ...flatGroups(groups)], openSources({ env }));
  // The schema of the setting admits the catalogue's names alone, and `none`.
  const { LLM_KIND: kinds } = settings.of(groups.kinds.llm as Group) as { LLM_KIND: readonly (keyof typeof llmAdapters | 'none')[] };
  const http = createHttp({ allowPrivate: settings.of(common).HTTP_ALLOW_PRIVATE });
  const deps = { http, httpStream: http.stream, now: Date.now, metrics: uncounted };
  const models = kinds.flatMap((kind) => {
    const group = groups.vendors.llm?.[kind];
    return kind === 'none' || group === undefined ? [] : [llmAdapters[kind].create(settings.of(group) as never, deps as never)];
  });
  if (models.length === 0) return null;
  const log = { warn: (_: object, message: string) => out.note(message, 'warn') };
  return { llm: firstOf(models, { now: Date.now, log, metrics: uncounted }), [Symbol.asyncDispose]: () => http.close() };
}

function priceOf({ flags }: Invocation, name: string): number | null {
  const given = flags.text(name);
  if (given === undefined) return null;
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(given))
    throw wrongUsage(`--${name}: expected a price of a million tokens, e.g. 0.4; got "${given}"`, {
      subject: 'intents eval',
      next: ['polyb intents eval --help'],
    });
  return Number(given);
}

function totalOf(
  tokens: Cost['tokensPerThousand'],
  price: { readonly input: number | null; readonly output: number | null },
): number | null {
  if (price.input === null && price.output === null) return null;
  return (tokens.input * (price.input ?? 0) + tokens.output * (price.output ?? 0)) / 1_000_000;
}

/** `work` on every item, so many at a time; the answers stand in the order of the items. */
async function inOrder<T, R>(items: readonly T[], atOnce: number, work: (item: T, index: number) => Promise<R>): Promise<readonly R[]> {
  const answers: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) answers[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}

function medianMs(lines: readonly Line[], local: (text: string) => unknown): number {
  const times = lines.map(({ text }) => {
    const began = performance.now();
    local(text);
    return performance.now() - began;
  });
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? 0;
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
const share = (part: number, whole: number) => `${part} of ${whole} (${percent(whole === 0 ? 0 : part / whole)})`;

function draw(result: Evaluation, cost: Cost, file: string | undefined, width: number): string {
  const { falseAlarms, certain, stages } = result;
  const table = drawTable(
    {
      columns: ['INTENT', 'LINES', 'PRECISION', 'RECALL', 'F1', 'CERTAIN', 'RIGHT OF THEM'],
      rows: result.perIntent.map((one) => [
        one.intent,
        String(one.lines),
        percent(one.precision),
        percent(one.recall),
        one.f1.toFixed(3),
        String(one.certain),
        one.certain === 0 ? '' : percent(one.certainPrecision),
      ]),
      right: ['LINES', 'PRECISION', 'RECALL', 'F1', 'CERTAIN', 'RIGHT OF THEM'],
    },
    width,
  );
  return [
    table,
    '',
    `lines              ${result.lines} of ${file ?? 'the test split of the project, whose scenarios are not in the training'}`,
    `accuracy           ${percent(result.accuracy)}, macro-F1 ${result.macroF1.toFixed(3)}; both over all lines, guesses included`,
    `calibration error  ${result.calibrationError.toFixed(3)}`,
    `certain            ${share(certain.lines, result.lines)}, of them wrong ${share(certain.wrong, certain.lines)}`,
    `false alarms       ${share(falseAlarms.certain, falseAlarms.lines)} of the lines without intent; ${falseAlarms.guessed} with guesses`,
    `risk, coverage     ${result.risk.map(({ coverage, wrong }) => `${Math.round(coverage * 100)} %: ${percent(wrong)}`).join('   ')}`,
    `stages             local ${stages.local}, language model ${stages.llm}`,
    `cost               ${costLine(cost)}`,
  ].join('\n');
}

function costLine({ llm, asked, answered, tokensPerThousand: { input, output }, perThousand, localMs }: Cost): string {
  const local = `local stage ${localMs.toFixed(2)} ms a message`;
  if (llm === null) return `0 per 1,000 messages; ${local}; no language model (LLM_KIND)`;
  const money = perThousand === null ? 'give --price-in and --price-out' : `${perThousand.toFixed(4)} per 1,000 messages`;
  return `${money}; ${input} + ${output} tokens per 1,000; ${llm} received ${asked} requests and answered ${answered}; ${local}`;
}
