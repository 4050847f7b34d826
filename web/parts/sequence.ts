/** Who asked whom in a run, and when: services as lanes, requests and replies as arrows, time downwards, long pauses folded. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { runsWords } from '../words/runs.ts';
import { isEnded, type Row, type Step } from './rows.ts';

type Asked = Pick<Step, 'mode' | 'method' | 'step' | 'state' | 'startedAt' | 'endedAt'>;
/** `wait`: the run begins to wait for something from the lane. */
interface Arrow<S> {
  readonly kind: 'request' | 'reply' | 'wait';
  readonly step: S;
  /** Numbers of lanes. */
  readonly from: number;
  readonly to: number;
  /** ms. */
  readonly at: number;
}
interface Pause {
  readonly kind: 'pause';
  readonly at: number;
  readonly ms: number;
}
export interface Sequence<S> {
  /** Contracts; the first is that of the run. */
  readonly lanes: readonly string[];
  readonly lines: readonly (Arrow<S> | Pause)[];
}
/** A pause as long as this is drawn as one line. */
const leastPauseMs = 1_000;
/** The contract of a method, or of an event, which has `@` before it; a delay is the run's own. */
function laneOf(method: string, run: string): string {
  return method === '@delay' ? laneOf(run, run) : (method.replace('@', '').split('.', 1)[0] ?? method);
}

/** In the order of time. A wait is a pause: nothing works meanwhile. */
export function sequenceOf<S extends Asked>(runMethod: string, steps: readonly S[]): Sequence<S> {
  const started = steps.filter(({ startedAt }) => startedAt !== null);
  const lanes = [...new Set([runMethod, ...started.map(({ method }) => method)].map((method) => laneOf(method, runMethod)))];
  const arrows = started
    .flatMap((step): Arrow<S>[] => {
      const to = lanes.indexOf(laneOf(step.method, runMethod));
      const begun = { kind: step.mode === 'wait' ? 'wait' : 'request', step, from: 0, to, at: Date.parse(step.startedAt ?? '') } as const;
      return step.endedAt === null ? [begun] : [begun, { kind: 'reply', step, from: to, to: 0, at: Date.parse(step.endedAt) }];
    })
    .sort((a, b) => a.at - b.at || rankOf(a) - rankOf(b));
  let atWork = 0;
  const lines: Sequence<S>['lines'][number][] = [];
  for (const [n, arrow] of arrows.entries()) {
    const before = arrows[n - 1];
    if (before !== undefined && atWork === 0 && arrow.at - before.at >= leastPauseMs)
      lines.push({ kind: 'pause', at: before.at, ms: arrow.at - before.at });
    lines.push(arrow);
    if (arrow.step.mode !== 'wait') atWork += arrow.kind === 'reply' ? -1 : 1;
  }
  return { lanes, lines };
}

/** Of one moment, what ends comes before what begins; a step that took no time has its reply last. */
function rankOf({ kind, step }: Arrow<Asked>): number {
  if (kind !== 'reply') return 1;
  return step.startedAt === step.endedAt ? 2 : 0;
}

const [lineHeight, headHeight] = [26, 26];
/** Drawn when it is opened, with its table. */
export function SequenceOf({ desk, run, steps }: { desk: Desk; run: Row; steps: readonly Step[] }): VNode | null {
  const t = desk.words(runsWords);
  const isOpen = useSignal(false);
  if (!steps.some(({ startedAt }) => startedAt !== null)) return null;
  const toggled = (event: Event): void => {
    isOpen.value = (event.currentTarget as HTMLDetailsElement).open;
  };
  return html`<details class="sequence-of" onToggle=${toggled}><summary>${t('sequence')}</summary>
    ${isOpen.value && html`<${Drawn} desk=${desk} sequence=${sequenceOf(run.method, steps)} />`}</details>`;
}

function Drawn({ desk, sequence: { lanes, lines } }: { desk: Desk; sequence: Sequence<Step> }): VNode {
  const t = desk.words(runsWords);
  const { fullTime, duration } = desk.format.value;
  const placeOf = (lane: number): number => ((lane + 0.5) / lanes.length) * 100;
  /** Of a step that ended badly, the reply, or the request if the run ended without a reply. */
  const isBad = ({ kind, step }: Arrow<Step>): boolean =>
    kind === 'reply' ? step.state !== 'done' : step.endedAt === null && isEnded(step);
  const nameOf = (arrow: Arrow<Step>): string => {
    const of = arrow.step.step ?? arrow.step.method;
    if (isBad(arrow)) return t('endedBadly', { step: of });
    return arrow.kind === 'request' ? of : t(arrow.kind === 'wait' ? 'waitsFor' : 'replied', { step: of });
  };
  const height = headHeight + lines.length * lineHeight;
  const wide = `${lanes.length * 7}rem`;
  return html`<div class="scroll"><svg class="sequence" role="img" width="100%" height=${height} style=${{ minWidth: wide }} aria-label=${t('sequenceOf', { n: lines.length })}>
      <defs><marker id="sequence-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0 8 4 0 8Z" /></marker></defs>
      ${lanes.map(
        (
          lane,
          n,
        ) => html`<g key=${lane}><line class="life" x1=${`${placeOf(n)}%`} x2=${`${placeOf(n)}%`} y1=${headHeight - 4} y2=${height} />
          <text class="label" x=${`${placeOf(n)}%`} y="14" text-anchor="middle">${lane}</text></g>`,
      )}
      ${lines.map((line, n) => {
        const y = headHeight + n * lineHeight + 18;
        if (line.kind === 'pause')
          return html`<g key=${n}><rect class="fold" x="0" width="100%" y=${y - 16} height=${lineHeight - 4} />
            <text class="label" x="50%" y=${y} text-anchor="middle">${t('pause', { time: duration(line.ms) })}</text></g>`;
        const [from, to] = [placeOf(line.from), placeOf(line.to)];
        return html`<g key=${n}>${from !== to && html`<line class=${`arrow ${line.kind} ${isBad(line) ? 'bad' : ''}`} x1=${`${from}%`} x2=${`${to}%`} y1=${y} y2=${y} marker-end="url(#sequence-tip)" />`}
          <text class="label" x=${`${(from + to) / 2}%`} y=${y - 4} text-anchor="middle">${nameOf(line)}</text></g>`;
      })}
    </svg></div>
    <table class="plain"><thead><tr>${(['sequenceAt', 'sequenceFrom', 'sequenceTo', 'sequenceWhat'] as const).map((title) => html`<th key=${title} scope="col">${t(title)}</th>`)}</tr></thead>
      <tbody>${lines.map((line, n) =>
        line.kind === 'pause'
          ? html`<tr key=${n}><td>${fullTime(new Date(line.at).toISOString())}</td><td></td><td></td><td class="quiet">${t('pause', { time: duration(line.ms) })}</td></tr>`
          : html`<tr key=${n}><td>${fullTime(new Date(line.at).toISOString())}</td><td>${lanes[line.from]}</td><td>${lanes[line.to]}</td><td><bdi>${nameOf(line)}</bdi></td></tr>`,
      )}</tbody></table>`;
}
