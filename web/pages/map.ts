/** Services and their calls of the last minute as a graph whose places depend on names alone, with the same as a table. */
import { effect } from '@preact/signals';
import type { VNode } from 'preact';
import type { Desk, Page } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { createResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { type Edge, edgesOf, errorShare, manyErrors, readServices, type Service, type Traffic, trafficTexts } from '../parts/services.ts';
import { Table } from '../parts/table.ts';
import { servicesWords } from '../words/services.ts';

export const filters = { of: 'text' } as const;

interface Place {
  readonly x: number;
  readonly y: number;
}
interface Arrow extends Edge {
  readonly callee: string;
}
const size = { width: 1_000, height: 540 } as const;
const box = { width: 168, height: 44 } as const;
const middle: Place = { x: size.width / 2, y: size.height / 2 };

/** In the order of their names around an ellipse: a service that no longer responds keeps its place. */
export function placesOf(names: readonly string[]): ReadonlyMap<string, Place> {
  return new Map(
    names.toSorted().map((name, n, all) => {
      const angle = (2 * Math.PI * n) / all.length - Math.PI;
      return [
        name,
        {
          x: middle.x + (size.width / 2 - box.width / 2 - 8) * Math.cos(angle),
          y: middle.y + (size.height / 2 - box.height / 2 - 14) * Math.sin(angle),
        },
      ];
    }),
  );
}

export function page(desk: Desk): Page {
  const { of: only = null } = desk.router.route.peek().query;
  const services = createResource(async (signal) => (await readServices(desk, signal)).items);
  void services.read();
  let isFirst = true;
  const stops = [
    // Traffic has no topic: it is read again while somebody looks.
    effect(() => {
      void desk.now.value;
      if (!isFirst && document.visibilityState === 'visible') void services.read();
      isFirst = false;
    }),
    desk.live.on('services', () => void services.read()),
    desk.live.onGap(() => void services.read()),
  ];
  return {
    stop() {
      for (const stop of stops) stop();
      services.stop();
    },
    view(): VNode {
      const t = desk.words(servicesWords);
      return html`<h1>${t('mapTitle')}</h1><p class="quiet">${t('mapHelp')}</p>
        <${Loaded} desk=${desk} of=${services}>${(all: readonly Service[]) => html`<${Only} desk=${desk} all=${all} only=${only} />
          <${Graph} desk=${desk} all=${all} only=${only} /><${Connections} desk=${desk} all=${all} only=${only} />`}<//>`;
    },
  };
}

interface Shown {
  readonly desk: Desk;
  readonly all: readonly Service[];
  readonly only: string | null;
}
function Only({ desk, all, only }: Shown): VNode {
  const t = desk.words(servicesWords);
  return html`<div class="bar"><label>${t('chosen')} <select name="of" onChange=${(event: Event) =>
    desk.router.filter({ of: (event.target as HTMLSelectElement).value || null })}>
    <option value="" selected=${only === null}>${t('all')}</option>
    ${all.map(({ service }) => html`<option key=${service} value=${service} selected=${service === only}>${service}</option>`)}
  </select></label></div>`;
}

const isOf =
  (only: string | null) =>
  ({ caller, callee }: Edge): boolean =>
    only === null || caller === only || callee === only;
/** Calls of a service to itself are in the table alone. */
const isArrow = (edge: Edge): edge is Arrow => edge.callee !== null && edge.callee !== edge.caller;
const isUsed = ({ perSecond }: Traffic): boolean => (perSecond ?? 0) > 0;
function lookOf(traffic: Traffic): { readonly look: 'calm' | 'warn' | 'bad'; readonly sign: string } {
  const share = errorShare(traffic) ?? 0;
  if (share > manyErrors) return { look: 'bad', sign: ' ‼' };
  return share > 0 ? { look: 'warn', sign: ' !' } : { look: 'calm', sign: '' };
}

function Graph({ desk, all, only }: Shown): VNode {
  const t = desk.words(servicesWords);
  const texts = trafficTexts(desk);
  const places = placesOf(all.map(({ service }) => service));
  const arrows = edgesOf(all).filter(isArrow).filter(isOf(only));
  const used = arrows.filter(isUsed);
  const summary = t('mapSummary', {
    services: all.length,
    silent: all.filter(({ isReady }) => !isReady).length,
    edges: used.length,
    bad: used.filter((edge) => (errorShare(edge) ?? 0) > 0).length,
  });
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${t('mapTitle')}>
    <svg class="map" viewBox=${`0 0 ${size.width} ${size.height}`} role="img" aria-label=${summary}>
      <defs>${(['calm', 'warn', 'bad'] as const).map(
        (look) =>
          html`<marker key=${look} id=${`arrow-${look}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class=${`tip ${look}`} d="M0 0 L8 4 L0 8 z" /></marker>`,
      )}</defs>
      ${arrows.map(
        (edge) =>
          html`<${Line} key=${`${edge.caller} ${edge.callee}`} edge=${edge} places=${places} text=${
            isUsed(edge)
              ? `${t('rate', { rate: texts.rate(edge) })}${lookOf(edge).sign && ` ${texts.errors(edge)}${lookOf(edge).sign}`}`
              : ''
          } />`,
      )}
      ${all.map((service) => html`<${Node} key=${service.service} desk=${desk} service=${service} at=${places.get(service.service)} />`)}
    </svg></div>`;
}

/** Bends towards the middle, and to its own left, so that calls there and back are two lines. */
function Line({ edge, places, text }: { edge: Arrow; places: ReadonlyMap<string, Place>; text: string }): VNode | null {
  const from = places.get(edge.caller);
  const to = places.get(edge.callee);
  if (from === undefined || to === undefined) return null;
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const aside = { x: ((to.y - from.y) / length) * 26, y: (-(to.x - from.x) / length) * 26 };
  const bend = {
    x: (from.x + to.x) / 2 + (middle.x - (from.x + to.x) / 2) * 0.35 + aside.x,
    y: (from.y + to.y) / 2 + (middle.y - (from.y + to.y) / 2) * 0.35 + aside.y,
  };
  const [start, end] = [edgeOfBox(from, bend), edgeOfBox(to, bend)];
  const label = { x: (start.x + 2 * bend.x + end.x) / 4, y: (start.y + 2 * bend.y + end.y) / 4 };
  const { look } = lookOf(edge);
  const width = isUsed(edge) ? 1.5 + Math.min(6, 2 * Math.log10(1 + 10 * (edge.perSecond ?? 0))) : 1;
  return html`<g class=${`edge ${look} ${isUsed(edge) ? '' : 'idle'}`} data-edge=${`${edge.caller} ${edge.callee}`}>
    <path d=${`M${start.x} ${start.y} Q${bend.x} ${bend.y} ${end.x} ${end.y}`} stroke-width=${width} marker-end=${`url(#arrow-${look})`} />
    ${text && html`<text x=${label.x} y=${label.y}>${text}</text>`}
  </g>`;
}
/** Where the line from the centre of a box towards `to` leaves it. */
function edgeOfBox(centre: Place, to: Place): Place {
  const [dx, dy] = [to.x - centre.x, to.y - centre.y];
  const share = Math.min(box.width / 2 / (Math.abs(dx) || 1), box.height / 2 / (Math.abs(dy) || 1), 1);
  return { x: centre.x + dx * share, y: centre.y + dy * share };
}

/** For the pointer; the table has the links. */
function Node({ desk, service, at }: { desk: Desk; service: Service; at: Place | undefined }): VNode | null {
  const t = desk.words(servicesWords);
  if (at === undefined) return null;
  const { service: name, isReady, instances } = service;
  const state = isReady ? `● ×${desk.format.value.number(instances.length)}` : `✕ ${t('silent')}`;
  return html`<g class=${`node ${isReady ? '' : 'silent'}`} data-node=${name} onClick=${() => desk.router.go(hrefOf('services', name))}>
    <rect x=${at.x - box.width / 2} y=${at.y - box.height / 2} width=${box.width} height=${box.height} rx="8" />
    <text x=${at.x} y=${at.y - 4}>${name}</text><text class="state" x=${at.x} y=${at.y + 14}>${state}</text>
  </g>`;
}

function Connections({ desk, all, only }: Shown): VNode {
  const t = desk.words(servicesWords);
  const texts = trafficTexts(desk);
  const edges = edgesOf(all).filter(isOf(only)).filter(isUsed);
  const link = (name: string | null) => (name === null ? t('unknown') : html`<a href=${hrefOf('services', name)}>${name}</a>`);
  return html`<${Table} title=${t('mapTable')} empty=${t('mapEmpty')} rows=${edges} idOf=${({ caller, callee }: Edge) => `${caller} ${callee}`}
    columns=${[
      [t('caller'), ({ caller }: Edge) => link(caller)],
      [t('callee'), ({ callee }: Edge) => link(callee)],
      [t('perSecond'), texts.rate],
      [t('errors'), (edge: Edge) => `${texts.errors(edge)}${lookOf(edge).sign}`],
      [t('p95'), texts.p95],
      [t('methods'), ({ methods }: Edge) => methods.join(', ')],
    ]} />`;
}
