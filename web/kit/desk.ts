/** What a page is given: requests, changes, address, words, keys, and the person who is logged in. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { VNode } from 'preact';
import type { PersonRole } from '../../contracts/kit/define.ts';
import { type Api, createApi } from './api.ts';
import { type Counters, createCounters } from './counters.ts';
import { createFormat, type Format } from './format.ts';
import { createKeys, type Keys } from './keys.ts';
import { createLive, type Live } from './live.ts';
import { createRouter, type Filters, type Router } from './router.ts';
import { createSettings, type Settings } from './settings.ts';
import { createTranslator, type Translate, type Words } from './words.ts';

/** Reply of `GET /api/v1/session`. */
export interface Session {
  readonly person: { readonly personId: string; readonly name: string; readonly role: PersonRole };
  /** False for a person who logs in through the identity provider alone. */
  readonly hasPassword: boolean;
  /** The person must set up a second factor before anything else. */
  readonly needsSecondFactor: boolean;
  /** Addresses of the methods that the person may call. */
  readonly permissions: readonly string[];
}
export interface Notice {
  readonly kind: 'done' | 'failed';
  readonly text: string;
}
export interface Desk {
  readonly api: Api;
  readonly live: Live;
  readonly counters: Counters;
  readonly router: Router;
  readonly settings: Settings;
  readonly keys: Keys;
  readonly words: <W extends Words>(words: W) => Translate<W>;
  readonly format: ReadonlySignal<Format>;
  /** Undefined until the server was asked; null when nobody is logged in. */
  readonly session: Signal<Session | null | undefined>;
  may(address: string): boolean;
  /** The current time, to five seconds: ages are drawn from it. */
  readonly now: ReadonlySignal<number>;
  /** What waits for a person; the title of the window shows it. */
  readonly waiting: Signal<number>;
  readonly notices: ReadonlySignal<readonly Notice[]>;
  notify(notice: Notice): void;
  dismiss(notice: Notice): void;
  /** For screen readers. Assertive only for a failure. */
  announce(text: string, urgency?: 'polite' | 'assertive'): void;
  readonly announced: ReadonlySignal<{ readonly polite: string; readonly assertive: string }>;
}

/** A page is made for one set of filters and lives until they change or another page is shown; the id in its address may change meanwhile. */
export interface Page {
  readonly view: () => VNode;
  readonly stop?: () => void;
}
export interface PageModule {
  readonly filters: Filters;
  readonly page: (desk: Desk) => Page;
}

const announceAfterMs = 1_000;
const tickMs = 5_000;

export function createDesk(): Desk {
  const settings = createSettings(localStorage, navigator.languages);
  const session: Desk['session'] = signal(undefined);
  const onSignedOut = (): void => {
    session.value = null;
  };
  // Another tab logged in or out, or was opened by a log-in: the cookie may be of somebody else now, and the server is asked again.
  const others = new BroadcastChannel('polyb-session');
  others.addEventListener('message', ({ data }: MessageEvent<string | null>) => {
    if (data !== (session.peek()?.person.personId ?? null)) session.value = undefined;
  });
  let said: string | null | undefined;
  effect(() => {
    if (session.value === undefined) return;
    const who = session.value?.person.personId ?? null;
    if (said !== who) others.postMessage(who);
    said = who;
  });
  const send: typeof fetch = (input, init) => fetch(input, init);
  const live = createLive({ send, locks: navigator.locks, onSignedOut });
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const now = signal(Date.now());
  setInterval(() => {
    now.value = Date.now();
  }, tickMs);
  const notices = signal<readonly Notice[]>([]);
  const announced = signal({ polite: '', assertive: '' });
  let polite: ReturnType<typeof setTimeout> | undefined;

  effect(() => {
    document.documentElement.lang = settings.language.value;
    document.documentElement.dataset.theme = settings.theme.value;
  });
  const api = createApi(send, onSignedOut);
  return {
    api,
    live,
    counters: createCounters(api, live),
    router: createRouter(),
    settings,
    keys: createKeys(settings),
    words: createTranslator(settings.language),
    format: computed(() => createFormat(settings.language.value, timeZone)),
    session,
    may: (address) => session.value?.permissions.includes(address) ?? false,
    now,
    waiting: signal(0),
    notices,
    notify(notice) {
      notices.value = [...notices.value.filter(({ text }) => text !== notice.text), notice].slice(-3);
    },
    dismiss(notice) {
      notices.value = notices.value.filter((each) => each !== notice);
    },
    announced,
    announce(text, urgency = 'polite') {
      if (urgency === 'assertive') {
        announced.value = { ...announced.value, assertive: text };
        return;
      }
      clearTimeout(polite);
      polite = setTimeout(() => {
        announced.value = { ...announced.value, polite: text };
      }, announceAfterMs);
    },
  };
}
