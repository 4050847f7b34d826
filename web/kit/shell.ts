/** The frame around every page: navigation, connection, notices, keys. */
import { effect, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type PageEntry, pages } from '../pages.ts';
import { RingLink } from '../parts/ring-link.ts';
import { Search } from '../parts/search.ts';
import { kitWords } from '../words/kit.ts';
import { shellWords } from '../words/shell.ts';
import type { Desk, Page, Session } from './desk.ts';
import { html } from './html.ts';
import { type Binding, keyLabel, useKeys } from './keys.ts';
import type { LiveStatus } from './live.ts';
import { drawn, ErrorPicture, Picture } from './pictures.ts';
import { outcomeOf, type Shown } from './resource.ts';
import { hrefOf, unknownFilters } from './router.ts';
import { createBell } from './sound.ts';

export function Shell({ desk }: { desk: Desk }): VNode {
  const session = desk.session.value;
  const { page } = desk.router.route.value;
  return html`
    <${LiveRegions} desk=${desk} />
    ${
      page === 'invite'
        ? html`<${Entrance} key="invite" desk=${desk} view="Invite" />`
        : session === undefined
          ? html`<${Beginning} desk=${desk} />`
          : session === null
            ? html`<${Entrance} key="login" desk=${desk} view="Login" />`
            : session.needsSecondFactor
              ? html`<${Entrance} key="second" desk=${desk} view="SecondFactor" />`
              : html`<${Frame} desk=${desk} session=${session} />`
    }`;
}

/** What comes before the desk; a person who is logged in does not load it. */
function Entrance({ desk, view }: { desk: Desk; view: 'Login' | 'Invite' | 'SecondFactor' }): VNode {
  const shown = useSignal<Shown<typeof import('../pages/login.ts')>>({ kind: 'loading' });
  async function load(): Promise<void> {
    shown.value = (await outcomeOf(import('../pages/login.ts'))) ?? shown.value;
  }
  useEffect(() => void load(), []);
  if (shown.value.kind !== 'ready')
    return html`<main id="main" class="narrow">${drawn(
      desk,
      shown.value,
      () => void load(),
      () => null,
    )}</main>`;
  const { [view]: View } = shown.value.value;
  return html`<${View} desk=${desk} />`;
}

/** Until the server has said who is logged in. */
function Beginning({ desk }: { desk: Desk }): VNode {
  const outcome = useSignal<Shown<unknown>>({ kind: 'loading' });
  async function ask(): Promise<void> {
    const shown = await outcomeOf(desk.api.request('GET /api/v1/session'));
    if (shown === null || desk.session.value === null) return;
    if (shown.kind === 'ready') desk.session.value = shown.value as Session;
    else outcome.value = shown;
  }
  useEffect(() => void ask(), []);
  const { value } = outcome;
  return html`<main id="main" class="narrow"><h1>PolyB <${EnvironmentBadge} desk=${desk} /></h1>${
    value.kind === 'failed' || value.kind === 'refused'
      ? html`<${ErrorPicture} desk=${desk} error=${value.error} kind=${value.kind} retry=${() => void ask()} />`
      : html`<${Picture} kind="loading" title=${desk.words(kitWords)('loading')} />`
  }</main>`;
}

function Frame({ desk, session }: { desk: Desk; session: Session }): VNode {
  const t = desk.words(shellWords);
  const isMenuOpen = useSignal(false);
  const help = useRef<HTMLDialogElement>(null);
  const mine = pages.filter(({ roles }) => roles.includes(session.person.role));
  const { page } = desk.router.route.value;
  const entry = page === '' ? mine[0] : mine.find(({ name }) => name === page);

  useEffect(() => {
    desk.live.follow(topicsOf[session.person.role], session.person.personId);
    return () => desk.live.stop();
  }, [session.person.personId]);
  useEffect(() => {
    isMenuOpen.value = false;
  }, [page]);
  useEffect(() => {
    if (!location.hash.startsWith('#refused=')) return;
    // Of a log-in by a person who is logged in already. What cannot be loaded now is shown after a reload.
    import('../parts/provider.ts').then(
      ({ takeRefusal }) => desk.notify({ kind: 'failed', text: takeRefusal(desk) }),
      () => {},
    );
  }, []);
  useTitle(desk, entry);
  useCounters(desk, session.person.personId);
  useKeys(
    desk.keys,
    [
      { name: 'help', code: 'Slash', shift: true, label: t('help'), run: () => help.current?.showModal() },
      ...mine.flatMap(({ name, title, code }): readonly Binding[] =>
        code === undefined
          ? []
          : [{ name: `go.${name}`, code, after: 'KeyG', label: t('toPage', { page: t(title) }), run: () => desk.router.go(hrefOf(name)) }],
      ),
    ],
    [session, desk.settings.language.value],
  );
  async function signOut(): Promise<void> {
    // Also after a failure the login is shown: the cookie is the browser's matter, and the server was asked.
    const { providerLogOut = null } = (await desk.api.request('DELETE /api/v1/session').catch(() => ({}))) as {
      providerLogOut?: string | null;
    };
    desk.session.value = null;
    if (providerLogOut !== null) location.assign(providerLogOut);
  }

  return html`
    <a class="skip" href="#main">${t('skip')}</a>
    <header class="top">
      <button type="button" class="menu-button" aria-expanded=${isMenuOpen.value} aria-controls="nav" onClick=${() => {
        isMenuOpen.value = !isMenuOpen.value;
      }}>${t('menu')}</button>
      <span class="brand">PolyB</span>
      <${EnvironmentBadge} desk=${desk} />
      <${LiveChip} desk=${desk} />
      <${Search} desk=${desk} has=${(name: string) => mine.some((each) => each.name === name)} />
      <button type="button" onClick=${() => help.current?.showModal()}>${t('keys')} <kbd>?</kbd></button>
      <button type="button" lang=${desk.settings.language.value === 'ru' ? 'en' : 'ru'} onClick=${() => {
        desk.settings.language.value = desk.settings.language.value === 'ru' ? 'en' : 'ru';
      }}>${desk.settings.language.value === 'ru' ? 'English' : 'Русский'}</button>
      <span class="who"><bdi>${session.person.name}</bdi>, ${t(`role_${session.person.role}`)}</span>
      <button type="button" onClick=${() => void signOut()}>${t('signOut')}</button>
    </header>
    <nav id="nav" aria-label=${t('pages')} data-open=${isMenuOpen.value}>
      <ul>${mine.map(
        ({ name, title }) =>
          html`<li key=${name}><a href=${hrefOf(name)} aria-current=${entry?.name === name ? 'page' : undefined}>${t(title)}</a></li>`,
      )}</ul>
      <p class="zone">${t('zone', { zone: desk.format.value.zone })}</p>
    </nav>
    <main id="main" tabindex="-1" data-page=${entry?.name ?? 'nowhere'}>
      <${RingLink} desk=${desk} /><${OldBanner} desk=${desk} />
      ${entry === undefined ? html`<${NoPage} desk=${desk} />` : html`<${PageHost} key=${entry.name} desk=${desk} entry=${entry} />`}
    </main>
    <${Notices} desk=${desk} />
    <${Help} desk=${desk} dialog=${help} />`;
}

const staffTopics = ['counters', 'approvals', 'reviews', 'calls', 'messages', 'deliveries', 'merges', 'phone'];
const systemTopics = ['runs', 'dead_letters', 'services'];
/** Topics of the stream that a role may follow, as contracts/feeds.ts has them. */
const topicsOf: Readonly<Record<Session['person']['role'], readonly string[]>> = {
  manager: staffTopics,
  director: staffTopics,
  admin: [...staffTopics, ...systemTopics],
  operator: ['counters', ...systemTopics],
};

/** Loads a page and makes it for the filters of the address. */
function PageHost({ desk, entry }: { desk: Desk; entry: PageEntry }): VNode {
  const shown = useSignal<Shown<Page>>({ kind: 'loading' });
  const unknown = useSignal<readonly string[]>([]);
  const query = useComputed(() => JSON.stringify(desk.router.route.value.query));
  const attempt = useSignal(0);
  useSignalEffect(() => {
    void attempt.value;
    const filters = JSON.parse(query.value) as Readonly<Record<string, string>>;
    let page: Page | undefined;
    let isGone = false;
    void outcomeOf(entry.load()).then((loaded) => {
      if (isGone || loaded === null) return;
      if (loaded.kind !== 'ready') {
        shown.value = loaded;
        return;
      }
      unknown.value = unknownFilters(loaded.value.filters, filters);
      if (unknown.value.length > 0) return;
      page = loaded.value.page(desk);
      shown.value = { kind: 'ready', value: page };
    });
    return () => {
      isGone = true;
      page?.stop?.();
    };
  });
  const t = desk.words(kitWords);
  if (unknown.value.length > 0)
    return html`<h1>${desk.words(shellWords)(entry.title)}</h1>
      <${Picture} kind="refused" title=${t('badAddress')}>
        <p>${t('badFilters', { names: unknown.value.join(', ') })}</p><a href=${hrefOf(entry.name)}>${t('resetFilters')}</a>
      <//>`;
  switch (shown.value.kind) {
    case 'ready': {
      const { view: View } = shown.value.value;
      return html`<${View} />`;
    }
    case 'loading':
      return html`<h1>${desk.words(shellWords)(entry.title)}</h1><${Picture} kind="loading" title=${t('loading')} />`;
    default:
      // A module that no longer exists under its old name: the gateway has a newer version.
      return html`<h1>${desk.words(shellWords)(entry.title)}</h1>
        <${Picture} kind="failed" title=${t('failed')}><p>${t('newVersion')}</p>
          <button type="button" onClick=${() => location.reload()}>${t('reload')}</button>
        <//>`;
  }
}

function NoPage({ desk }: { desk: Desk }): VNode {
  const t = desk.words(kitWords);
  return html`<h1>404</h1><${Picture} kind="refused" title=${t('noPage')}><a href="/desk/">${t('toStart')}</a><//>`;
}

const chips: Readonly<
  Record<
    LiveStatus,
    readonly [symbol: string, word: 'statusOff' | 'statusConnecting' | 'statusLive' | 'statusReconnecting' | 'statusStale']
  >
> = {
  off: ['○', 'statusOff'],
  connecting: ['↻', 'statusConnecting'],
  live: ['●', 'statusLive'],
  reconnecting: ['↻', 'statusReconnecting'],
  stale: ['!', 'statusStale'],
};
function LiveChip({ desk }: { desk: Desk }): VNode {
  const status = desk.live.status.value;
  const [symbol, word] = chips[status];
  return html`<span class=${`chip ${status}`}><span aria-hidden="true">${symbol}</span> ${desk.words(shellWords)(word, { s: desk.live.silentS.value })}</span>`;
}

/** The deployment by its name, and its kind as a word and a colour. */
function EnvironmentBadge({ desk }: { desk: Desk }): VNode | null {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="environment"]');
  if (meta === null) return null;
  const kind = meta.dataset.kind === 'test' || meta.dataset.kind === 'stage' ? meta.dataset.kind : 'production';
  return html`<span class=${`environment ${kind}`}><bdi>${meta.content}</bdi> · ${desk.words(shellWords)(`environment_${kind}`)}</span>`;
}

/** The fifth picture: what is shown may be old. */
function OldBanner({ desk }: { desk: Desk }): VNode | null {
  const isStale = desk.live.status.value === 'stale';
  useEffect(() => {
    document.documentElement.dataset.stale = String(isStale);
  }, [isStale]);
  useEffect(() => desk.live.onGap((isFirst) => (isFirst ? undefined : desk.announce(desk.words(kitWords)('refreshed')))), []);
  if (!isStale) return null;
  const age = desk.format.value.duration(desk.live.silentS.value * 1_000);
  return html`<${Picture} kind="old" title=${desk.words(kitWords)('old', { age })} />`;
}

function Notices({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  return html`<section class="notices" aria-label=${t('notices')}>${desk.notices.value.map(
    (notice) => html`<div key=${notice.text} class=${`notice ${notice.kind}`}>
      <span>${notice.kind === 'done' ? '✓' : '✕'} ${notice.text}</span>
      <button type="button" aria-label=${t('dismiss')} onClick=${() => desk.dismiss(notice)}>×</button>
    </div>`,
  )}</section>`;
}

function Help({ desk, dialog }: { desk: Desk; dialog: { current: HTMLDialogElement | null } }): VNode {
  const t = desk.words(shellWords);
  const seen = new Set<string>();
  const bindings = desk.keys.active.value.filter(({ name }) => !seen.has(name) && seen.add(name));
  return html`<dialog ref=${dialog} aria-labelledby="help-title">
    <h2 id="help-title">${t('keys')}</h2>
    <p>${t(desk.settings.hasKeys.value ? 'keysHelp' : 'keysOff')}</p>
    <table><tbody>${bindings.map(
      (binding) => html`<tr key=${binding.name}><th scope="row">
        ${binding.after && html`<kbd>${keyLabel(binding.after)}</kbd> ${t('thenKey')} `}${binding.shift && html`<kbd>Shift</kbd> `}<kbd>${keyLabel(desk.keys.codeOf(binding))}</kbd>
      </th><td>${binding.label}</td></tr>`,
    )}</tbody></table>
    <form method="dialog"><button>${desk.words(kitWords)('close')}</button></form>
  </dialog>`;
}

function LiveRegions({ desk }: { desk: Desk }): VNode {
  const { polite, assertive } = desk.announced.value;
  return html`<div class="hidden" role="status" aria-live="polite">${polite}</div>
    <div class="hidden" role="alert" aria-live="assertive">${assertive}</div>`;
}

/** Counters are those of the person; the title of the window has the approvals that wait. */
function useCounters(desk: Desk, personId: string): void {
  useEffect(() => {
    desk.waiting.value = 0;
    const leaves = [
      desk.counters.start(),
      effect(() => {
        desk.waiting.value = desk.counters.count('approvals') ?? desk.waiting.peek();
      }),
    ];
    return () => {
      for (const leave of leaves) leave();
    };
  }, [personId]);
}

/** `(7) Согласование — PolyB`, and a sound when more waits than before. */
function useTitle(desk: Desk, entry: PageEntry | undefined): void {
  useEffect(() => {
    if (entry !== undefined) desk.announce(desk.words(shellWords)(entry.title));
  }, [entry]);
  useEffect(() => {
    const ring = createBell();
    let before = desk.waiting.peek();
    return effect(() => {
      const waiting = desk.waiting.value;
      const title = entry === undefined ? 'PolyB' : `${desk.words(shellWords)(entry.title)} — PolyB`;
      document.title = waiting > 0 ? `(${waiting}) ${title}` : title;
      if (waiting > before && desk.settings.hasSound.peek()) ring();
      before = waiting;
    });
  }, [entry]);
}
