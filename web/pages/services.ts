/** Services that run or should run, and their providers; one service with its instances, callers, methods and emergency stops. */
import { effect } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import type { journal } from '../../contracts/journal.ts';
import type { system } from '../../contracts/system.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { type Column, Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import type { LiveItem } from '../kit/live.ts';
import { drawn, Loaded, Picture } from '../kit/pictures.ts';
import { type Resource, useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { Sure } from '../kit/sure.ts';
import { personOf } from '../parts/actor.ts';
import {
  createPauses,
  edgesOf,
  errorShare,
  isUnwell,
  manyErrors,
  type Pause,
  readServices,
  type Service,
  stops,
  sumOf,
  type Traffic,
  trafficTexts,
} from '../parts/services.ts';
import { Table } from '../parts/table.ts';
import { type Described, Try } from '../parts/try.ts';
import { kitWords } from '../words/kit.ts';
import { servicesWords } from '../words/services.ts';
import { tryWords } from '../words/try.ts';

const name = 'services';
export const filters = { view: ['providers'], state: ['unwell'], method: 'text' } as const;

type Dependency = Service['dependencies'][number] & { readonly service: string };
const dependencyId = ({ service, target }: Dependency): string => `${service} ${target}`;
const serviceId = ({ service }: Service): string => service;

export function page(desk: Desk): Page {
  const { query } = desk.router.route.peek();
  const only = query.state === 'unwell';
  const lists = query.view === 'providers' ? providersPage(desk, only) : servicesPage(desk, only);
  return {
    stop: lists.stop,
    view(): VNode {
      const { id } = desk.router.route.value;
      return id === null ? html`<${lists.view} />` : html`<${One} key=${id} desk=${desk} service=${id} />`;
    },
  };
}

/** Traffic has no topic: it is read again while somebody looks. */
function whileSeen(desk: Desk, read: () => void): () => void {
  let isFirst = true;
  return effect(() => {
    void desk.now.value;
    if (!isFirst && document.visibilityState === 'visible') read();
    isFirst = false;
  });
}

function servicesPage(desk: Desk, only: boolean): Required<Page> {
  const load: ListOptions<Service>['load'] = async ({ signal }) => {
    const page = await readServices(desk, signal);
    return only ? { ...page, items: page.items.filter(isUnwell) } : page;
  };
  /** What the topic says of a service; its traffic stays until it is read again. */
  const apply = (service: Service, { isReady, isExpected, dependencies }: LiveItem): Service =>
    ({ ...service, isReady, isExpected, dependencies }) as Service;
  const accepts = (change: LiveItem): boolean => change.state !== 'gone' && (!only || change.isReady === false);
  const list = createList(
    { load, idOf: serviceId, live: { topic: 'services', rowOf: ({ service }) => String(service), apply, accepts } },
    desk.live,
  );
  const pauses = createPauses(desk);
  void pauses.read();
  const stop = whileSeen(desk, () => {
    void list.refresh();
    void pauses.read();
  });
  return {
    stop() {
      stop();
      list.stop();
      pauses.stop();
    },
    view(): VNode {
      const t = desk.words(servicesWords);
      const { number } = desk.format.value;
      const texts = trafficTexts(desk);
      const served = ({ methods }: Service): Traffic => sumOf(methods);
      const columns: readonly Column<Service>[] = [
        {
          ...{ name: 'service', title: t('service'), text: serviceId },
          cell: ({ service }) => html`<a href=${hrefOf(name, service)}>${service}</a>`,
        },
        {
          name: 'state',
          title: t('state'),
          text: (service) => stateText(desk, service),
          cell: (service) => html`<${State} desk=${desk} service=${service} />`,
        },
        { name: 'instances', title: t('instances'), text: ({ instances }) => number(instances.length) },
        { name: 'perSecond', title: t('perSecond'), text: (service) => texts.rate(served(service)) },
        { name: 'errors', title: t('errors'), text: (service) => texts.errors(served(service)) },
        { name: 'p95', title: t('p95'), text: (service) => texts.p95(served(service)) },
        { name: 'providers', title: t('providers'), text: (service) => providersText(desk, service) },
      ];
      return html`<h1>${t('title')}</h1><p class="quiet">${t('intro')}</p>
        <${Views} desk=${desk} />
        <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${serviceId} load=${load} empty=${t('empty')}
          open=${(service: Service) => desk.router.go(hrefOf(name, service.service))} columns=${columns} />
        <${Pauses} desk=${desk} pauses=${pauses} />`;
    },
  };
}

function providersPage(desk: Desk, only: boolean): Required<Page> {
  const load: ListOptions<Dependency>['load'] = async ({ signal }) => {
    const { items } = await readServices(desk, signal);
    const all = items.flatMap(({ service, dependencies }) => dependencies.map((each) => ({ ...each, service })));
    return { items: only ? all.filter(({ failure }) => failure !== null) : all, nextCursor: null };
  };
  const list = createList({ load, idOf: dependencyId }, desk.live);
  const leave = desk.live.on('services', () => void list.refresh());
  return {
    stop() {
      leave();
      list.stop();
    },
    view(): VNode {
      const t = desk.words(servicesWords);
      const { fullTime, age } = desk.format.value;
      return html`<h1>${t('title')}</h1><p class="quiet">${t('intro')}</p>
        <${Views} desk=${desk} />
        <${Grid} desk=${desk} name="providers" label=${t('viewProviders')} list=${list} idOf=${dependencyId} load=${load} empty=${t('emptyProviders')}
          open=${({ service }: Dependency) => desk.router.go(hrefOf(name, service))}
          columns=${[
            { name: 'target', title: t('target'), text: ({ target }: Dependency) => target },
            {
              ...{ name: 'state', title: t('state'), text: ({ failure }: Dependency) => t(failure === null ? 'works' : 'failed') },
              cell: ({ failure }: Dependency) =>
                failure === null
                  ? html`<span class="tag good">● ${t('works')}</span>`
                  : html`<span class="tag bad">✕ ${t('failed')}</span>`,
            },
            { name: 'failure', title: t('failure'), text: ({ failure }: Dependency) => failure ?? '' },
            {
              ...{ name: 'since', title: t('since'), text: ({ since }: Dependency) => fullTime(since) },
              cell: ({ since }: Dependency) => age(since, desk.now.value),
            },
            { name: 'service', title: t('service'), text: ({ service }: Dependency) => service },
          ]} />`;
    },
  };
}

function Views({ desk }: { desk: Desk }): VNode {
  const t = desk.words(servicesWords);
  const { view, state } = desk.router.route.value.query;
  const choice = (of: string | null, title: string) =>
    html`<label><input type="radio" name="view" checked=${(view ?? null) === of} onChange=${() => desk.router.filter({ view: of })} /> ${title}</label>`;
  return html`<div class="bar" role="group" aria-label=${t('views')}>
    ${choice(null, t('viewServices'))}${choice('providers', t('viewProviders'))}
    <label><input type="checkbox" checked=${state === 'unwell'} onChange=${(event: Event) =>
      desk.router.filter({ state: (event.target as HTMLInputElement).checked ? 'unwell' : null })} /> ${t('onlyUnwell')}</label>
  </div>`;
}

function stateText(desk: Desk, { isReady, isExpected }: Service): string {
  const t = desk.words(servicesWords);
  return isReady || isExpected ? t(isReady ? 'ready' : 'silent') : `${t('silent')}, ${t('unexpected')}`;
}
function State({ desk, service }: { desk: Desk; service: Service }): VNode {
  return html`<span class=${`tag ${service.isReady ? 'good' : 'bad'}`}>${service.isReady ? '●' : '✕'} ${stateText(desk, service)}</span>`;
}
function providersText(desk: Desk, { dependencies }: Service): string {
  const bad = dependencies.filter(({ failure }) => failure !== null).length;
  const { number } = desk.format.value;
  if (dependencies.length === 0) return '';
  return bad === 0 ? number(dependencies.length) : `! ${number(bad)} / ${number(dependencies.length)}`;
}

function One({ desk, service }: { desk: Desk; service: string }): VNode {
  const t = desk.words(servicesWords);
  const kit = desk.words(kitWords);
  const services = useResource((signal) => readServices(desk, signal).then(({ items }) => items));
  const pauses = useResource(
    async (signal) => (await desk.api.call<typeof journal.list_pauses>('GET /api/v1/pauses', {}, { signal })).pauses,
  );
  const { method } = desk.router.route.value.query;
  const backHref = hrefOf(name);
  const closeHref = hrefOf(name, service);
  useEffect(() => whileSeen(desk, () => void services.read()), []);
  useEffect(() => desk.live.on('services', () => void services.read()), []);
  useKeys(
    desk.keys,
    [{ name: 'back', code: 'Escape', label: kit('back'), run: () => desk.router.go(method === undefined ? backHref : closeHref) }],
    [method, desk.settings.language.value],
  );
  return html`<p><a href=${backHref}>← ${t('toList')}</a></p>
    <${Loaded} desk=${desk} of=${services}>${(all: readonly Service[]): ComponentChildren => {
      const found = all.find((each) => each.service === service);
      if (found === undefined) return html`<h1>${t('title')}</h1><${Picture} kind="refused" title=${t('gone')} />`;
      return html`<h1><bdi>${service}</bdi> <${State} desk=${desk} service=${found} /></h1>
        <${Advice} desk=${desk} service=${found} />
        ${method !== undefined && html`<${MethodPanel} key=${method} desk=${desk} method=${method} pauses=${pauses} closeHref=${closeHref} />`}
        <${Instances} desk=${desk} service=${found} />
        <${Methods} desk=${desk} service=${found} pauses=${pauses} />
        <${Neighbours} desk=${desk} service=${found} all=${all} />
        <${Providers} desk=${desk} service=${found} />
        <${Pauses} desk=${desk} pauses=${pauses} contracts=${contractsOf(found)} />`;
    }}<//>`;
}
const contractsOf = ({ instances }: Service): readonly string[] =>
  [...new Set(instances.flatMap(({ contracts }) => contracts.map((each) => each.name)))].sort();

/** What to do, in words; a restart is done on the machine. */
function Advice({ desk, service: { service, isReady, instances, dependencies, methods } }: { desk: Desk; service: Service }): VNode {
  const t = desk.words(servicesWords);
  const failing = dependencies.filter(({ failure }) => failure !== null).map(({ target }) => target);
  const versions = new Map<string, Set<string>>();
  for (const { contracts } of instances)
    for (const each of contracts) versions.set(each.name, (versions.get(each.name) ?? new Set()).add(each.version));
  const share = errorShare(sumOf(methods));
  const commands = (...lines: readonly string[]) => html`<ul>${lines.map((line) => html`<li key=${line}><code>${line}</code></li>`)}</ul>`;
  const advice: VNode[] = [];
  if (!isReady)
    advice.push(
      html`<p class="bad">${t('adviceSilent')}</p>${commands(`polyb status`, `polyb logs ${service}`, `polyb restart ${service}`)}`,
    );
  if ([...versions.values()].some(({ size }) => size > 1))
    advice.push(html`<p class="warn">${t('adviceVersions')}</p>${commands(`polyb restart ${service}`)}`);
  if (failing.length > 0) advice.push(html`<p class="warn">${t('adviceProviders', { names: failing.join(', ') })}</p>`);
  if (share !== null && share > manyErrors)
    advice.push(
      html`<p class="warn">${t('adviceErrors', { share: desk.format.value.percent(share) })}</p>${commands(`polyb logs ${service}`)}`,
    );
  return html`<section class="advice" aria-labelledby="advice"><h2 id="advice">${t('advice')}</h2>
    ${advice.length === 0 ? html`<p class="good">✓ ${t('adviceNone')}</p>` : advice}</section>`;
}

function Instances({ desk, service: { instances } }: { desk: Desk; service: Service }): VNode {
  const t = desk.words(servicesWords);
  const { age, fullTime, number } = desk.format.value;
  return html`<${Table} title=${`${t('instances')}: ${number(instances.length)}`} empty=${t('silent')} rows=${instances}
    idOf=${({ instance }: Service['instances'][number]) => instance}
    columns=${[
      [t('instance'), ({ instance }: Service['instances'][number]) => html`<code>${instance}</code>`],
      [
        t('uptime'),
        ({ startedAt }: Service['instances'][number]) =>
          startedAt === null ? t('unknown') : html`<span title=${fullTime(startedAt)}>${age(startedAt, desk.now.value)}</span>`,
      ],
      [
        t('memory'),
        ({ memoryBytes }: Service['instances'][number]) =>
          memoryBytes === null ? t('unknown') : t('megabytes', { size: Math.round(memoryBytes / 1_048_576) }),
      ],
      [t('versions'), ({ contracts }: Service['instances'][number]) => contracts.map((each) => `${each.name} ${each.version}`).join(', ')],
    ]} />`;
}

type Method = Service['methods'][number];
function Methods({
  desk,
  service: { service, methods },
  pauses,
}: {
  desk: Desk;
  service: Service;
  pauses: Resource<readonly Pause[]>;
}): VNode {
  const t = desk.words(servicesWords);
  const { number } = desk.format.value;
  const texts = trafficTexts(desk);
  const shown = pauses.shown.value;
  const isPaused = (method: string): boolean => shown.kind === 'ready' && shown.value.some((pause) => stops(pause, method));
  return html`<${Table} title=${t('methods')} empty=${t('noMethods')} rows=${methods} idOf=${({ method }: Method) => method}
    columns=${[
      [
        t('method'),
        ({ method }: Method) =>
          html`<a href=${hrefOf(name, service, { method })}>${method}</a>${isPaused(method) && html` <span class="tag warn">${t('paused')}</span>`}`,
      ],
      [t('perSecond'), (each: Method) => texts.rate(each)],
      [t('errors'), (each: Method) => texts.errors(each)],
      [t('p95'), (each: Method) => texts.p95(each)],
      [t('inFlight'), ({ inFlight }: Method) => number(inFlight)],
      [t('dropped'), ({ dropped }: Method) => number(dropped)],
      [t('total'), ({ requests }: Method) => number(requests)],
    ]} />`;
}

type Call = Service['calls'][number];
function Neighbours({ desk, service: { service, calls }, all }: { desk: Desk; service: Service; all: readonly Service[] }): VNode {
  const t = desk.words(servicesWords);
  const texts = trafficTexts(desk);
  const callers = edgesOf(all).filter(({ callee }) => callee === service);
  const link = (to: string | null) => (to === null ? t('unknown') : html`<a href=${hrefOf(name, to)}>${to}</a>`);
  type Caller = (typeof callers)[number];
  const traffic = [
    [t('perSecond'), texts.rate],
    [t('errors'), texts.errors],
    [t('p95'), texts.p95],
  ] as const;
  return html`<${Table} title=${t('callers')} empty=${t('noCallers')} rows=${callers} idOf=${({ caller }: Caller) => caller}
      columns=${[[t('caller'), ({ caller }: Caller) => link(caller)], ...traffic, [t('methods'), ({ methods }: Caller) => methods.join(', ')]]} />
    <${Table} title=${t('calls')} empty=${t('noCalls')} rows=${calls} idOf=${({ method }: Call) => method}
      columns=${[[t('method'), ({ method }: Call) => method], [t('callee'), ({ callee }: Call) => link(callee)], ...traffic]} />`;
}

type Provider = Service['providers'][number];
function Providers({ desk, service: { providers, dependencies } }: { desk: Desk; service: Service }): VNode {
  const t = desk.words(servicesWords);
  const { number, age } = desk.format.value;
  const texts = trafficTexts(desk);
  const traffic = (each: Provider): Traffic => ({ ...each, p95Ms: null });
  type Standing = Service['dependencies'][number];
  return html`<${Table} title=${t('providers')} empty=${t('noProviders')} rows=${providers} idOf=${({ provider }: Provider) => provider}
      columns=${[
        [t('provider'), ({ provider }: Provider) => provider],
        [t('perSecond'), (each: Provider) => texts.rate(traffic(each))],
        [t('errors'), (each: Provider) => texts.errors(traffic(each))],
        [t('total'), ({ requests }: Provider) => number(requests)],
      ]} />
    ${
      dependencies.length > 0 &&
      html`<${Table} title=${t('viewProviders')} empty="" rows=${dependencies} idOf=${({ target }: Standing) => target}
        columns=${[
          [t('target'), ({ target }: Standing) => target],
          [
            t('state'),
            ({ failure }: Standing) =>
              failure === null
                ? html`<span class="tag good">● ${t('works')}</span>`
                : html`<span class="tag bad">✕ ${t('failed')}</span> ${failure}`,
          ],
          [t('since'), ({ since }: Standing) => age(since, desk.now.value)],
        ]} />`
    }`;
}

function MethodPanel(props: { desk: Desk; method: string; pauses: Resource<readonly Pause[]>; closeHref: string }): VNode {
  const { desk, method, pauses, closeHref } = props;
  const t = desk.words(servicesWords);
  const described = useResource((signal) =>
    desk.api.call<typeof system.describe_method>('GET /api/v1/methods/{method}', { method }, { signal }),
  );
  return html`<section class="draft method-panel" aria-labelledby="method"><h2 id="method"><bdi>${method}</bdi></h2>
    <p><a href=${closeHref}>${t('closeMethod')}</a></p>
    <${Loaded} desk=${desk} of=${described}>${(found: Described) => html`<${Docs} desk=${desk} method=${found} />
      ${found.idempotency === 'keyed' && html`<${PauseOf} desk=${desk} pattern=${method} pauses=${pauses} />`}
      <details><summary>${desk.words(tryWords)('title')}</summary><${Try} desk=${desk} method=${found} /></details>`}<//>
  </section>`;
}

function Docs({ desk, method }: { desk: Desk; method: Described }): VNode {
  const t = desk.words(servicesWords);
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    [t('route'), method.route === null ? t('noRoute') : html`<code>${method.route}</code>`],
    [t('whoMay'), method.people.join(', ') || t('nobody')],
    ...(method.scope === null ? [] : [[t('scope'), method.scope] as const]),
    [t('kind'), t(`kind_${method.idempotency}`)],
    [t('timeout'), desk.format.value.duration(method.timeoutMs)],
    ...(method.errors.length === 0
      ? []
      : [[t('reasons'), method.errors.map(({ reason, code }) => `${reason} (${code})`).join(', ')] as const]),
  ];
  const schema = (title: string, value: unknown) =>
    html`<details><summary>${title}</summary><pre class="text" tabindex="0">${JSON.stringify(value, null, 2)}</pre></details>`;
  return html`<p lang="en">${method.summary}</p>
    ${method.reachesCustomer && html`<p class="warn">! ${t('reaches')}</p>`}
    ${method.approval !== 'none' && html`<p>${t('approval')}</p>`}
    <dl class="facts">${facts.map(([title, value]) => html`<div key=${title}><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>
    ${schema(t('inputSchema'), method.input)}${schema(t('outputSchema'), method.output)}`;
}

/** Stops and starts the attempts of a pattern. */
function PauseOf({ desk, pattern, pauses }: { desk: Desk; pattern: string; pauses: Resource<readonly Pause[]> }): VNode | null {
  const t = desk.words(servicesWords);
  const shown = pauses.shown.value;
  const isPaused = shown.kind === 'ready' && shown.value.some(({ method }) => method === pattern);
  if (shown.kind !== 'ready' || !desk.may(isPaused ? 'journal.resume' : 'journal.pause')) return null;
  const say = async (text: string): Promise<void> => {
    desk.notify({ kind: 'done', text });
    desk.announce(text);
    await pauses.read();
  };
  async function pause(): Promise<void> {
    await desk.api.call<typeof journal.pause>('PUT /api/v1/pauses/{method}', { method: pattern });
    await say(t('pauseDone', { pattern }));
  }
  async function resume(): Promise<void> {
    await desk.api.call<typeof journal.resume>('DELETE /api/v1/pauses/{method}', { method: pattern });
    await say(t('resumeDone', { pattern }));
  }
  return isPaused
    ? html`<${Sure} key="resume" desk=${desk} label=${t('resume', { pattern })} warning=${t('resumeText')} run=${resume} />`
    : html`<${Sure} key="pause" desk=${desk} label=${t('pause', { pattern })} warning=${t('pauseText', { pattern })} run=${pause} />`;
}

/** Those that apply, each to be lifted; and those that may be set for the contracts of a service. */
function Pauses(props: { desk: Desk; pauses: Resource<readonly Pause[]>; contracts?: readonly string[] }): VNode {
  const { desk, pauses, contracts = [] } = props;
  const t = desk.words(servicesWords);
  return html`<section class="pauses" aria-labelledby="pauses"><h2 id="pauses">${t('pauses')}</h2>
    ${drawn(
      desk,
      pauses.shown.value,
      () => void pauses.read(),
      (all) => html`${all.length === 0 && html`<p class="quiet">${t('noPauses')}</p>`}
        <ul class="cards">${all.map(
          (
            each,
          ) => html`<li key=${each.method}>⏸ ${t('pausedBy', { pattern: each.method, who: personOf(each.who), time: desk.format.value.time(each.since) })}
            ${each.why !== null && html`<p><bdi>${each.why}</bdi></p>`}<${PauseOf} desk=${desk} pattern=${each.method} pauses=${pauses} /></li>`,
        )}</ul>
        ${contracts
          .filter((contract) => !all.some(({ method }) => method === `${contract}.*`))
          .map((contract) => html`<${PauseOf} key=${contract} desk=${desk} pattern=${`${contract}.*`} pauses=${pauses} />`)}`,
    )}
  </section>`;
}
