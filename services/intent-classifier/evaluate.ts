/** Quality of a classifier on labelled lines. */
import type { Line, UrgencyLine } from './dataset.ts';
import { type IntentName, intentNames } from './model.ts';

export interface Answer {
  readonly intent: IntentName;
  readonly confidence: number;
  /** False: it abstained, and `intent` is only its guess. */
  readonly isCertain: boolean;
  readonly stage: 'pattern' | 'local' | 'llm';
}
export interface PerIntent {
  readonly intent: IntentName;
  readonly lines: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Of the answers reported as certain. */
  readonly certainPrecision: number;
  readonly certain: number;
}
export interface Evaluation {
  readonly lines: number;
  readonly accuracy: number;
  readonly macroF1: number;
  /** Mean gap between confidence and accuracy over ten bins of equal width, weighted by their size. */
  readonly calibrationError: number;
  /** Of the lines without intent: how many got another intent with certainty, and how many in total. */
  readonly falseAlarms: { readonly lines: number; readonly certain: number; readonly guessed: number };
  /** How many lines got a certain answer, and how many of those were wrong. */
  readonly certain: { readonly lines: number; readonly wrong: number };
  readonly perIntent: readonly PerIntent[];
  /** Error rate of the most confident answers, for each tenth of all lines. */
  readonly risk: readonly { readonly coverage: number; readonly wrong: number; readonly confidence: number }[];
  readonly stages: Readonly<Record<Answer['stage'], number>>;
}

/** Answers are in the order of the lines. Every line counts, also when the classifier abstained, unless a field says otherwise. */
export function evaluate(lines: readonly Pick<Line, 'intent'>[], answers: readonly Answer[]): Evaluation {
  const judged = lines.map(({ intent: truth }, index) => ({ ...(answers[index] as Answer), truth })); // One answer per line.
  const right = judged.filter(({ intent, truth }) => intent === truth);
  const perIntent = intentNames.map((intent): PerIntent => {
    const told = judged.filter((one) => one.intent === intent);
    const there = judged.filter(({ truth }) => truth === intent);
    const hits = told.filter(({ truth }) => truth === intent).length;
    const certain = told.filter(({ isCertain }) => isCertain);
    return {
      intent,
      lines: there.length,
      precision: ratio(hits, told.length),
      recall: ratio(hits, there.length),
      f1: ratio(2 * hits, told.length + there.length),
      certainPrecision: ratio(certain.filter(({ truth }) => truth === intent).length, certain.length),
      certain: certain.length,
    };
  });
  const without = judged.filter(({ truth }) => truth === 'none');
  const alarms = without.filter(({ intent }) => intent !== 'none');
  const certain = judged.filter(({ isCertain }) => isCertain);
  const present = perIntent.filter(({ lines }) => lines > 0);
  return {
    lines: judged.length,
    accuracy: ratio(right.length, judged.length),
    macroF1: ratio(
      present.reduce((sum, { f1 }) => sum + f1, 0),
      present.length,
    ),
    calibrationError: calibrationError(judged),
    falseAlarms: { lines: without.length, certain: alarms.filter(({ isCertain }) => isCertain).length, guessed: alarms.length },
    certain: { lines: certain.length, wrong: certain.filter(({ intent, truth }) => intent !== truth).length },
    perIntent,
    risk: riskOf(judged),
    stages: {
      pattern: judged.filter(({ stage }) => stage === 'pattern').length,
      local: judged.filter(({ stage }) => stage === 'local').length,
      llm: judged.filter(({ stage }) => stage === 'llm').length,
    },
  };
}

type LabelledAnswer = Answer & { readonly truth: IntentName };

function calibrationError(judged: readonly LabelledAnswer[]): number {
  const bins = 10;
  const gaps = Array.from({ length: bins }, (_, bin) => {
    const own = judged.filter(({ confidence }) => Math.min(bins - 1, Math.floor(confidence * bins)) === bin);
    const confidence = own.reduce((sum, one) => sum + one.confidence, 0);
    return Math.abs(confidence - own.filter(({ intent, truth }) => intent === truth).length);
  });
  return ratio(
    gaps.reduce((sum, gap) => sum + gap, 0),
    judged.length,
  );
}

function riskOf(judged: readonly LabelledAnswer[]): Evaluation['risk'] {
  const order = [...judged].sort((a, b) => b.confidence - a.confidence);
  return Array.from({ length: 10 }, (_, tenth) => {
    const best = order.slice(0, Math.max(1, Math.round((order.length * (tenth + 1)) / 10)));
    const wrong = best.filter(({ intent, truth }) => intent !== truth).length;
    return { coverage: (tenth + 1) / 10, wrong: ratio(wrong, best.length), confidence: best.at(-1)?.confidence ?? 0 };
  });
}

/** How many urgent messages were found, and how many others were reported as urgent. */
export interface UrgencyEvaluation {
  readonly urgent: number;
  readonly found: number;
  readonly others: number;
  readonly false: number;
}
export function evaluateUrgency(lines: readonly UrgencyLine[], isUrgent: (text: string) => boolean): UrgencyEvaluation {
  const [urgent, others] = [lines.filter((line) => line.isUrgent), lines.filter((line) => !line.isUrgent)];
  const count = (some: typeof lines) => some.filter(({ text }) => isUrgent(text)).length;
  return { urgent: urgent.length, found: count(urgent), others: others.length, false: count(others) };
}

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
