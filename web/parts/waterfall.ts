/** When each step of a run was at work, along one line of time in which long pauses are folded. The list of the steps is its table. */
import type { VNode } from 'preact';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { runsWords } from '../words/runs.ts';
import type { Step } from './rows.ts';

type Timed = Pick<Step, 'mode' | 'startedAt' | 'endedAt'>;
export interface Bar<S> {
  readonly step: S;
  /** Left edge and width, in percent of the whole. */
  readonly at: number;
  readonly width: number;
}
export interface Fold {
  readonly at: number;
  readonly width: number;
  /** How long the pause was. */
  readonly ms: number;
}
export interface Layout<S> {
  readonly bars: readonly Bar<S>[];
  readonly folds: readonly Fold[];
  /** Time in which a step was at work, and in which none was. */
  readonly busyMs: number;
  readonly idleMs: number;
}
interface Span {
  readonly from: number;
  readonly to: number;
}
/** A pause is folded if it lasts a second and half as long as all the work. */
const leastFoldMs = 1_000;
/** Percent that a folded pause takes. */
const foldWidth = 4;
/** Percent; a step that took no time is seen too. */
const leastWidth = 0.5;

/** Bars in the order of their starts. A wait for an event is a pause. @param now ms; where a step that has not ended ends */
export function layOut<S extends Timed>(steps: readonly S[], now: number): Layout<S> {
  const spans = steps
    .flatMap((step) => {
      if (step.startedAt === null) return [];
      const from = Date.parse(step.startedAt);
      return [{ step, from, to: Math.max(from, step.endedAt === null ? now : Date.parse(step.endedAt)) }];
    })
    .sort((a, b) => a.from - b.from);
  const work = joined(spans.filter(({ step }) => step.mode !== 'wait'));
  const first = Math.min(...spans.map(({ from }) => from));
  const last = Math.max(...spans.map(({ to }) => to));
  const busyMs = work.reduce((sum, { from, to }) => sum + to - from, 0);
  const edges = [first, ...work.flatMap(({ from, to }) => [from, to]), last];
  const pauses = edges.flatMap((from, n) => (n % 2 === 0 ? [{ from, to: edges[n + 1] ?? from }] : []));
  const folded = pauses.filter(({ from, to }) => to - from >= Math.max(leastFoldMs, busyMs / 2));
  const openMs = Math.max(1, last - first - folded.reduce((sum, { from, to }) => sum + to - from, 0));
  const perMs = (100 - folded.length * foldWidth) / openMs;
  /** A moment in percent. */
  const placeOf = (moment: number): number =>
    folded.reduce(
      (place, { from, to }) => {
        if (moment <= from) return place;
        const inside = Math.min(moment, to) - from;
        return place - inside * perMs + (inside / (to - from)) * foldWidth;
      },
      (moment - first) * perMs,
    );
  return {
    bars: spans.map(({ step, from, to }) => {
      const at = Math.min(placeOf(from), 100 - leastWidth);
      return { step, at, width: Math.max(leastWidth, placeOf(to) - at) };
    }),
    folds: folded.map(({ from, to }) => ({ at: placeOf(from), width: foldWidth, ms: to - from })),
    busyMs,
    idleMs: spans.length === 0 ? 0 : last - first - busyMs,
  };
}
/** Spans that touch become one. */
function joined(spans: readonly Span[]): readonly Span[] {
  const all: { from: number; to: number }[] = [];
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}

const [rowHeight, headHeight] = [22, 18];
export function Waterfall({ desk, steps }: { desk: Desk; steps: readonly Step[] }): VNode | null {
  const { bars, folds, busyMs, idleMs } = layOut(steps, desk.now.value);
  if (bars.length < 2) return null;
  const { duration } = desk.format.value;
  const t = desk.words(runsWords);
  const top = folds.length === 0 ? 0 : headHeight;
  return html`<svg class="waterfall" role="img" width="100%" height=${top + bars.length * rowHeight}
    aria-label=${t('waterfall', { n: bars.length, busy: duration(busyMs), idle: duration(idleMs) })}>
    ${folds.map(
      ({ at, width, ms }) => html`<g key=${at}><rect class="fold" x=${`${at}%`} y="0" width=${`${width}%`} height="100%" />
        <text class="label" x=${`${at + width / 2}%`} y="13" text-anchor=${at < 50 ? 'start' : 'end'}>${t('pause', { time: duration(ms) })}</text></g>`,
    )}
    ${bars.map(({ step, at, width }, n) => {
      const isLeft = at < 50;
      return html`<g key=${step.id}><rect class=${`bar ${lookOf(step)}`} x=${`${at}%`} y=${top + n * rowHeight + 3} width=${`${width}%`} height=${rowHeight - 6} rx="2" />
        <text class="label" x=${`${isLeft ? at : Math.min(100, at + width)}%`} dx=${isLeft ? 4 : -4} y=${top + n * rowHeight + 15} text-anchor=${isLeft ? 'start' : 'end'}>${step.step} · ${duration(tookMs(step, desk.now.value))}</text></g>`;
    })}
  </svg>`;
}
const tookMs = ({ startedAt, endedAt }: Timed, now: number): number =>
  startedAt === null ? 0 : Math.max(0, (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt));
function lookOf({ state, mode }: Step): 'bad' | 'wait' | 'calm' {
  if (mode === 'wait') return 'wait';
  return ['failed', 'expired', 'review', 'unknown', 'rejected', 'stale'].includes(state) ? 'bad' : 'calm';
}
