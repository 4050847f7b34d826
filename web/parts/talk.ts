/** The recording of a call and what both sides said, with the stages of each answer from the customer's last sound to the agent's first. */
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { calls } from '../../contracts/calls.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { talkWords } from '../words/talk.ts';
import type { Call } from './calls.ts';

type Transcript = OutputOf<typeof calls.get_transcript>;
type Entry = Transcript['entries'][number];
type Waterfall = NonNullable<Entry['waterfall']>;

/** The stages of an answer, each with the moment at which it ends. */
const stages = [
  ['words', 'wordsAt'],
  ['silence', 'turnEndAt'],
  ['answer', 'sentenceAt'],
  ['voice', 'audioAt'],
  ['line', 'heardAt'],
] as const satisfies readonly (readonly [string, keyof Waterfall])[];

/** How long each stage took, ms; one that had ended before it was needed took no time. */
function stagesOf(waterfall: Waterfall) {
  let before = Date.parse(waterfall.lastSoundAt);
  return stages.map(([name, end]) => {
    const from = before;
    before = Math.max(before, Date.parse(waterfall[end]));
    return { name, ms: before - from };
  });
}
const waited = ({ lastSoundAt, heardAt }: Waterfall): number => Math.max(0, Date.parse(heardAt) - Date.parse(lastSoundAt));

export function Talk({ desk, call }: { desk: Desk; call: Call }): VNode {
  const t = desk.words(talkWords);
  const audio = useRef<HTMLAudioElement>(null);
  const { callId } = call;
  const transcript = useResource((signal) =>
    desk.api.call<typeof calls.get_transcript>('GET /api/v1/calls/{callId}/transcript', { callId }, { signal }),
  );
  useEffect(
    () =>
      desk.live.on('calls', (change) => {
        if (change.callId === callId) void transcript.read();
      }),
    [],
  );
  const playFrom = (seconds: number): void => {
    if (audio.current === null) return;
    audio.current.currentTime = seconds;
    void audio.current.play();
  };
  const isPlayable = call.recordingId !== null;
  return html`<section><h3>${t('title')}</h3>
    ${
      isPlayable
        ? html`<audio ref=${audio} class="recording" controls preload="none" aria-label=${t('recording')}
            src=${`/api/v1/calls/${encodeURIComponent(callId)}/recording`}></audio>`
        : call.state === 'ended' &&
          html`<p class="quiet">${call.provider == null ? t('notRecorded') : t('atProvider', { provider: call.provider })}</p>`
    }
    <${Loaded} desk=${desk} of=${transcript}>${({ entries }: Transcript) =>
      entries.length === 0
        ? html`<p class="quiet">${t('noAgent')}</p>`
        : html`<${Said} desk=${desk} call=${call} entries=${entries} playFrom=${isPlayable ? playFrom : null} />`}<//>
  </section>`;
}
interface SaidProps {
  readonly desk: Desk;
  readonly call: Call;
  readonly entries: readonly Entry[];
  readonly playFrom: ((seconds: number) => void) | null;
}
function Said({ desk, call, entries, playFrom }: SaidProps): VNode {
  const t = desk.words(talkWords);
  const waits = entries.flatMap(({ waterfall }) => (waterfall === null ? [] : [waited(waterfall)]));
  const middle = waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)];
  const longest = Math.max(1, ...waits);
  // The recording begins when the call is answered.
  const begin = Date.parse(call.answeredAt ?? entries[0]?.startedAt ?? '');
  return html`${middle !== undefined && html`<p class="quiet">${t('answers', { n: waits.length, ms: middle })}</p>`}
    <ol class="thread">${entries.map((entry) => {
      const seconds = Math.max(0, (Date.parse(entry.startedAt) - begin) / 1_000);
      const time = clock(seconds);
      return html`<li key=${`${entry.who} ${entry.startedAt}`} class=${`message ${entry.who === 'agent' ? 'out' : 'in'}`}>
        <header><strong>${t(entry.who)}</strong>
          ${
            playFrom === null
              ? html`<span class="quiet">${time}</span>`
              : html`<button type="button" aria-label=${t('playFrom', { time })} onClick=${() => playFrom(seconds)}>▶ ${time}</button>`
          }
          ${entry.isInterrupted && html`<span class="tag">${t('interrupted')}</span>`}</header>
        <p class="text" dir="auto">${entry.text}</p>
        ${entry.waterfall !== null && html`<${Answer} desk=${desk} waterfall=${entry.waterfall} longest=${longest} />`}</li>`;
    })}</ol>`;
}

const barHeight = 8;
function Answer({ desk, waterfall, longest }: { desk: Desk; waterfall: Waterfall; longest: number }): VNode {
  const t = desk.words(talkWords);
  const taken = stagesOf(waterfall).filter(({ ms }) => ms > 0);
  const text = t('answered', { ms: waited(waterfall), stages: taken.map(({ name, ms }) => `${t(`stage_${name}`)} ${ms}`).join(', ') });
  let at = 0;
  return html`<svg class="stages" role="img" width="100%" height=${barHeight} aria-label=${text}>${taken.map(({ name, ms }) => {
    const x = at;
    at += (100 * ms) / longest;
    return html`<rect key=${name} class=${name} x=${`${x}%`} y="0" width=${`${at - x}%`} height=${barHeight} />`;
  })}</svg>
  <p class="quiet" aria-hidden="true">${text}</p>`;
}
/** `1:05` */
function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}
