/** Drafts and other acts that wait for a person: read, decide, and go on to the next, by keyboard alone. */
import { computed, effect, signal } from '@preact/signals';
import type { VNode } from 'preact';
import type { inbox } from '../../contracts/inbox.ts';
import type { journal } from '../../contracts/journal.ts';
import { isRequestError } from '../kit/api.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Fresh, useRowKeys } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import type { LiveItem } from '../kit/live.ts';
import { describeError, drawn, Picture } from '../kit/pictures.ts';
import { createResource, errorOf, type Resource } from '../kit/resource.ts';
import { focusList, Windowed } from '../kit/windowed.ts';
import { personOf } from '../parts/actor.ts';
import { channelName } from '../parts/channel.ts';
import { draftOf, mostUnits, type Row, risksOfRow } from '../parts/drafts.ts';
import { risks } from '../parts/risks.ts';
import { createSnoozes, snoozeMs } from '../parts/snoozes.ts';
import { Thread } from '../parts/thread.ts';
import { approvalsWords } from '../words/approvals.ts';

export const filters = { view: ['mine', 'free', 'snoozed'], channel: 'text', risk: risks } as const;

/** A row of the queue; others may decide or edit it while it is shown. */
interface Entry {
  readonly row: Row;
  readonly isDecided: boolean;
}
type Context = Awaited<ReturnType<typeof readContext>>;
const name = 'approvals';
const reasons = ['fact', 'tone', 'client', 'needless', 'other'] as const;
/** Words of the audit, in one language whoever decides. */
const auditWords = { fact: 'wrong fact', tone: 'tone', client: 'wrong client', needless: 'not needed', other: 'other' } as const;
const renewMs = 45_000;
const mostRows = 1_000;
const pageRows = 200;

export function page(desk: Desk): Page {
  const t = desk.words(approvalsWords);
  const { view = 'all', channel, risk } = desk.router.route.peek().query;
  const snoozes = createSnoozes(localStorage);
  const me = desk.session.peek()?.person.personId ?? '';

  const load: ListOptions<Entry>['load'] = async ({ signal }) => {
    const rows = await readQueue(desk, signal);
    const now = Date.now();
    const items = rows
      .filter((row) => snoozes.has(row.id, now) === (view === 'snoozed') && isShown(row))
      .map((row) => ({ row, isDecided: false }));
    return { items, nextCursor: null };
  };
  function isShown(row: Row): boolean {
    if (view === 'mine' && !isMine(row)) return false;
    if (view === 'free' && row.heldBy !== null) return false;
    if (channel !== undefined && draftOf(row)?.channel !== channel) return false;
    return risk === undefined || risksOfRow(row).some((each) => each === risk);
  }
  const isMine = ({ heldBy }: Row): boolean => heldBy !== null && personOf(heldBy) === me;
  const idOf = ({ row }: Entry): string => row.id;
  const list = createList<Entry>(
    { load, idOf, live: { topic: 'approvals', apply, accepts: (change) => change.state === 'proposed' } },
    desk.live,
  );

  function apply(entry: Entry, change: LiveItem): Entry {
    const { state, hash, heldBy } = change;
    if (state !== 'proposed') return { ...entry, isDecided: true };
    // The new version is read with the list, as it is shown.
    if (typeof hash === 'string' && hash !== entry.row.hash) {
      if (list.focusedId.peek() === entry.row.id) isChanged.value = true;
      void list.refresh();
    }
    return { ...entry, row: { ...entry.row, heldBy: (heldBy as string | null | undefined) ?? null } };
  }

  /** Of the focused row: what the person is doing with it. */
  const editing = signal<string | null>(null);
  const rejecting = signal<'choosing' | 'writing' | null>(null);
  const isChanged = signal(false);
  const isBusy = signal(false);
  const undo = signal<{ readonly id: string; readonly text: string; readonly until: number } | null>(null);
  const clock = signal(Date.now());
  const ticking = setInterval(() => {
    clock.value = Date.now();
    if (undo.value !== null && clock.value >= undo.value.until && !isUndoFocused()) undo.value = null;
  }, 250);
  /** Texts that were changed and not saved, by row: moving away loses nothing. */
  const unsaved = new Map<string, string>();
  const focusedId = computed(() => list.focusedId.value);
  const chatId = computed(() => {
    const entry = list.focused.value;
    return entry === null ? null : (draftOf(entry.row)?.chatId ?? null);
  });
  const context = signal<Resource<Context> | null>(null);
  const held = new Set<string>();

  const stops = [
    effect(() => {
      void focusedId.value;
      editing.value = null;
      rejecting.value = null;
      isChanged.value = false;
    }),
    effect(() => {
      const id = chatId.value;
      const resource = id === null ? null : createResource((signal) => readContext(desk, id, signal));
      context.value = resource;
      void resource?.read();
      return () => resource?.stop();
    }),
    desk.live.on('messages', (message) => {
      if (message.chatId === chatId.peek()) void context.peek()?.read();
    }),
    effect(() => {
      if (list.shown.value.kind === 'ready') queueMicrotask(() => document.activeElement === document.body && focusList(name));
    }),
  ];
  const renewing = setInterval(() => {
    if (document.visibilityState === 'visible') for (const id of held) void hold(id).catch(() => held.delete(id));
  }, renewMs);

  function hold(id: string): Promise<unknown> {
    return desk.api.call<typeof journal.hold>('POST /api/v1/sandbox/{id}/claim', { id });
  }

  /** Runs one act on the focused row; nothing is decided on what may be old. */
  async function act(run: (entry: Entry) => Promise<void>): Promise<void> {
    const entry = list.focused.peek();
    if (entry === null || isBusy.peek() || entry.isDecided) return;
    if (desk.live.isOld.peek()) return fail(t('decidingOff'));
    isBusy.value = true;
    try {
      await run(entry);
    } catch (thrown) {
      fail(describeError(desk, errorOf(thrown)));
      // It was decided, held, changed or became out of date: its new state is shown.
      if (isRequestError(thrown) && [404, 409, 412].includes(thrown.status)) await list.refresh();
    }
    isBusy.value = false;
  }
  function fail(text: string): void {
    desk.notify({ kind: 'failed', text });
    desk.announce(text, 'assertive');
  }
  function left(id: string): void {
    held.delete(id);
    unsaved.delete(id);
    list.remove(id);
    desk.announce(t('left', { n: list.items.peek().length }));
  }

  const approve = (isSure: boolean) =>
    act(async ({ row }) => {
      const found = risksOfRow(row);
      if (found.length > 0 && !isSure) return fail(t('pressShift', { risks: found.map((each) => t(`risk_${each}`)).join(', '), key: 'A' }));
      const text = draftOf(row)?.text ?? row.method;
      const approved = await desk.api.call<typeof journal.approve>(
        'POST /api/v1/sandbox/{id}/approve',
        { id: row.id },
        row.hash === undefined ? {} : { ifMatch: row.hash },
      );
      if (approved.state === 'proposed') {
        desk.notify({ kind: 'done', text: t('needsSecond') });
        return;
      }
      const windowMs = approved.notBefore === null ? 0 : Date.parse(approved.notBefore) - Date.parse(approved.updatedAt);
      undo.value = windowMs > 0 ? { id: row.id, text, until: Date.now() + windowMs } : null;
      if (windowMs <= 0) desk.notify({ kind: 'done', text: t('approved', { text: short(text) }) });
      left(row.id);
    });
  const reject = (why: (typeof reasons)[number], words = '') =>
    act(async ({ row }) => {
      const text = words.trim() === '' ? auditWords[why] : `${auditWords[why]}: ${words.trim()}`.slice(0, 200);
      await desk.api.call<typeof journal.reject>('POST /api/v1/sandbox/{id}/reject', { id: row.id, why: text });
      rejecting.value = null;
      desk.notify({ kind: 'done', text: t('rejected') });
      left(row.id);
      focusList(name);
    });
  const save = (text: string) =>
    act(async ({ row }) => {
      const edited = await desk.api.call<typeof journal.edit>(
        'POST /api/v1/sandbox/{id}/edit',
        { id: row.id, hash: row.hash ?? '', input: { text } },
        row.hash === undefined ? {} : { ifMatch: row.hash },
      );
      unsaved.delete(row.id);
      list.replace(row.id, (entry) => ({
        ...entry,
        row: { ...entry.row, hash: edited.hash, input: { ...(entry.row.input as object), text } },
      }));
      editing.value = null;
      focusList(name);
    });
  const claim = () =>
    act(async ({ row }) => {
      if (isMine(row)) {
        await desk.api.call<typeof journal.release>('POST /api/v1/sandbox/{id}/release', { id: row.id });
        held.delete(row.id);
      } else {
        await hold(row.id);
        held.add(row.id);
      }
      const heldBy = held.has(row.id) ? `gateway:staff/-/${me}` : null;
      list.replace(row.id, (entry) => ({ ...entry, row: { ...entry.row, heldBy } }));
    });
  function snooze(): void {
    const entry = list.focused.peek();
    if (entry === null) return;
    if (view === 'snoozed') snoozes.remove(entry.row.id);
    else snoozes.add(entry.row.id, Date.now() + snoozeMs);
    desk.notify({ kind: 'done', text: t('snoozed', { minutes: snoozeMs / 60_000 }) });
    list.remove(entry.row.id);
  }
  async function recall(): Promise<void> {
    const last = undo.peek();
    if (last === null) return;
    undo.value = null;
    try {
      await desk.api.call<typeof journal.recall>('POST /api/v1/sandbox/{id}/recall', { id: last.id });
      desk.notify({ kind: 'done', text: t('undone') });
      desk.announce(t('undone'));
    } catch (thrown) {
      const error = errorOf(thrown);
      fail(error.reason === 'wrong_state' ? t('tooLate') : describeError(desk, error));
    }
  }
  function edit(): void {
    const entry = list.focused.peek();
    const draft = entry === null ? null : draftOf(entry.row);
    if (entry === null || draft === null || entry.isDecided) return;
    editing.value = unsaved.get(entry.row.id) ?? draft.text;
    if (!isMine(entry.row) && !held.has(entry.row.id)) void claim();
  }
  const startReject = (): void => {
    if (list.focused.peek()?.isDecided === false) rejecting.value = 'choosing';
  };
  const chooseReason = (index: number): void => {
    const why = reasons[index] ?? 'other';
    if (why === 'other') rejecting.value = 'writing';
    else void reject(why);
  };

  return {
    view: View,
    stop() {
      clearInterval(ticking);
      clearInterval(renewing);
      for (const stop of stops) stop();
      list.stop();
      for (const id of held) void desk.api.call<typeof journal.release>('POST /api/v1/sandbox/{id}/release', { id }).catch(() => {});
    },
  };

  function View(): VNode {
    const items = list.items.value;
    const oldest = items[0]?.row.createdAt;
    useRowKeys(desk, name, list);
    useKeys(
      desk.keys,
      [
        { name: 'approve', code: 'KeyA', label: t('approve'), run: () => void approve(false) },
        { name: 'approveRisk', code: 'KeyA', shift: true, label: t('approveRisk'), run: () => void approve(true) },
        { name: 'edit', code: 'KeyE', label: t('edit'), run: edit },
        { name: 'reject', code: 'KeyR', label: t('reject'), run: startReject },
        { name: 'undo', code: 'KeyU', label: t('undo'), run: () => void recall() },
        { name: 'claim', code: 'KeyC', label: `${t('claim')} / ${t('release')}`, run: () => void claim() },
        { name: 'snooze', code: 'KeyS', label: t('snooze'), run: snooze },
      ],
      [desk.settings.language.value],
    );
    useKeys(
      desk.keys,
      rejecting.value === 'choosing'
        ? [
            ...reasons.map((why, n) => ({
              name: `why${n + 1}`,
              code: `Digit${n + 1}`,
              label: t(`why_${why}`),
              run: () => chooseReason(n),
            })),
            {
              name: 'cancelReject',
              code: 'Escape',
              label: t('cancel'),
              run: () => {
                rejecting.value = null;
              },
            },
          ]
        : [],
      [rejecting.value, desk.settings.language.value],
    );
    return html`<h1>${t('title')} <span class="quiet number">${t('waiting', { n: items.length })}${
      oldest !== undefined && `, ${t('oldest', { age: desk.format.value.age(oldest, desk.now.value) })}`
    }</span></h1>
      <${Filters} />
      <div class="split">
        <section class="list" aria-label=${t('queue')}>
          ${drawn(
            desk,
            list.shown.value,
            () => void list.refresh(),
            (entries) =>
              entries.length === 0
                ? html`<${Picture} kind="empty" title=${t('empty')} />`
                : html`<${Windowed} name=${name} label=${t('queue')} list=${list} idOf=${idOf} row=${summary} rowClass=${({ isDecided }: Entry) => (isDecided ? 'decided' : '')} />`,
          )}
        </section>
        <section class="detail" aria-label=${t('draft')}><${Detail} /></section>
      </div>
      <${UndoBar} />`;
  }

  function Filters(): VNode {
    const channels = [...new Set(list.items.value.flatMap(({ row }) => draftOf(row)?.channel ?? []))].sort();
    const choose = (filter: string) => (event: Event) =>
      desk.router.filter({ [filter]: (event.target as HTMLSelectElement).value || null });
    return html`<div class="bar">
      <${Fresh} desk=${desk} list=${list} name=${name} />
      <label>${t('view')} <select value=${view === 'all' ? '' : view} onChange=${choose('view')}>
        ${(['all', ...filters.view] as const).map((each) => html`<option key=${each} value=${each === 'all' ? '' : each}>${t(`view_${each}`)}</option>`)}
      </select></label>
      <label>${t('channel')} <select value=${channel ?? ''} onChange=${choose('channel')}>
        <option value="">${t('any')}</option>
        ${[...new Set([...channels, ...(channel === undefined ? [] : [channel])])].map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
      </select></label>
      <label>${t('risk')} <select value=${risk ?? ''} onChange=${choose('risk')}>
        <option value="">${t('any')}</option>
        ${risks.map((each) => html`<option key=${each} value=${each}>${t(`risk_${each}`)}</option>`)}
      </select></label>
    </div>`;
  }

  function summary({ row, isDecided }: Entry): VNode {
    const draft = draftOf(row);
    const found = risksOfRow(row);
    return html`<div class="summary">
      <div class="line"><bdi class="who">${draft?.customer?.name ?? row.method}</bdi> <span class="quiet">${draft?.channel ?? ''}</span>
        <span class="grow"></span><span class="number">${desk.format.value.age(row.createdAt, desk.now.value)}</span></div>
      <div class="line"><bdi class="cell">${draft?.text ?? row.key}</bdi></div>
      <div class="line">
        ${isDecided && html`<span class="tag">✓ ${t('isDecided')}</span>`}
        ${found.map((each) => html`<span class="tag warn" key=${each}>⚠ ${t(`risk_${each}`)}</span>`)}
        ${row.heldBy !== null && html`<span class="tag">${isMine(row) ? t('heldByMe') : t('heldBy', { who: personOf(row.heldBy) })}</span>`}
      </div>
    </div>`;
  }

  function Detail(): VNode {
    const entry = list.focused.value;
    if (entry === null) return html`<p class="quiet">${t('nothingChosen')}</p>`;
    const { row, isDecided } = entry;
    const draft = draftOf(row);
    const found = risksOfRow(row);
    const isOff = desk.live.isOld.value || isBusy.value || isDecided;
    return html`
      ${draft === null ? html`<${Input} row=${row} />` : html`<${Conversation} draft=${draft} />`}
      ${isChanged.value && html`<p class="problem" role="status">⚠ ${t('isChanged')}</p>`}
      ${isDecided && html`<p role="status">✓ ${t('isDecided')}</p>`}
      ${draft !== null && (editing.value === null ? html`<${DraftText} draft=${draft} risks=${found} />` : html`<${Editor} id=${row.id} draft=${draft} />`)}
      <div class="bar">
        <button type="button" class="primary" disabled=${isOff} onClick=${() => void approve(true)}>${t(found.length > 0 ? 'approveRisk' : 'approve')} <kbd>${found.length > 0 ? 'Shift+A' : 'A'}</kbd></button>
        ${draft !== null && html`<button type="button" disabled=${isOff} onClick=${edit}>${t('edit')} <kbd>E</kbd></button>`}
        <button type="button" disabled=${isOff} aria-expanded=${rejecting.value !== null} onClick=${startReject}>${t('reject')} <kbd>R</kbd></button>
        <button type="button" disabled=${isDecided} onClick=${snooze}>${t('snooze')} <kbd>S</kbd></button>
        <button type="button" disabled=${isOff} onClick=${() => void claim()}>${t(isMine(row) ? 'release' : 'claim')} <kbd>C</kbd></button>
      </div>
      ${rejecting.value !== null && html`<${Reasons} />`}
      <p class="quiet">
        ${t('waits', { age: desk.format.value.age(row.createdAt, desk.now.value) })},
        ${' '}${row.heldBy === null ? t('free') : isMine(row) ? t('heldByMe') : t('heldBy', { who: personOf(row.heldBy) })},
        ${' '}${t('version', { version: (row.hash ?? '').slice(0, 8) })}${draft?.writtenBy && html`, <bdi>${t('origin', { who: personOf(draft.writtenBy) })}</bdi>`}
      </p>`;
  }

  function Conversation({ draft }: { draft: NonNullable<ReturnType<typeof draftOf>> }): VNode {
    const resource = context.value;
    return html`<h2><bdi>${draft.customer?.name ?? t('customer')}</bdi> <span class="quiet">${channelName(desk, draft.channel)}</span>
      ${' '}<a href=${`/desk/chats/${encodeURIComponent(draft.chatId)}`}>${t('openChat')}</a></h2>
      ${
        resource !== null &&
        drawn(
          desk,
          resource.shown.value,
          () => void resource.read(),
          ({ messages }) => html`<${Thread} desk=${desk} messages=${messages} />`,
        )
      }`;
  }

  function DraftText({
    draft,
    risks: found,
  }: {
    draft: NonNullable<ReturnType<typeof draftOf>>;
    risks: ReturnType<typeof risksOfRow>;
  }): VNode {
    return html`<div class="draft">
      <h2>${t('draft')}</h2>
      <p class="text" dir="auto">${draft.text}</p>
      ${draft.options.length > 0 && html`<p>${t('options')}: ${draft.options.map((option, n) => html`<span class="tag" key=${n}><bdi>${option}</bdi></span>`)}</p>`}
      ${draft.attachment !== null && html`<p>${t('attachment', { kind: draft.attachment })}</p>`}
      ${draft.template !== null && html`<p>${t('template', { name: draft.template })}</p>`}
      <p><span class="quiet number">${t('length', { n: draft.text.length, most: mostUnits(draft) })}</span>
        ${found.map((each) => html`<span class="tag warn" key=${each}>⚠ ${t(`risk_${each}`)}</span>`)}</p>
    </div>`;
  }

  function Editor({ id, draft }: { id: string; draft: NonNullable<ReturnType<typeof draftOf>> }): VNode {
    const text = editing.value ?? '';
    const isTooLong = text.length > mostUnits(draft);
    const set = (next: string): void => {
      editing.value = next;
      unsaved.set(id, next);
    };
    const discard = (): void => {
      unsaved.delete(id);
      editing.value = null;
      focusList(name);
    };
    const submit = (): void => {
      if (!isTooLong && text.trim() !== '') void save(text);
    };
    const keyDown = (event: KeyboardEvent): void => {
      if (event.code === 'Escape') discard();
      else if (event.code === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    return html`<div class="draft">
      <label><span>${t('draft')}</span>
        <textarea ref=${focusOnce} value=${text} aria-describedby="edit-help" onInput=${(event: Event) => set((event.target as HTMLTextAreaElement).value)} onKeyDown=${keyDown}></textarea></label>
      <p id="edit-help" class=${isTooLong ? 'problem' : 'quiet'}>${t('length', { n: text.length, most: mostUnits(draft) })} · ${isTooLong ? t('tooLong') : t('editHelp')}</p>
      <div class="bar"><button type="button" class="primary" disabled=${isTooLong || isBusy.value || text.trim() === ''} onClick=${submit}>${t('save')}</button>
        <button type="button" onClick=${discard}>${t('cancel')}</button></div>
    </div>`;
  }

  function Reasons(): VNode {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      void reject('other', String(new FormData(event.currentTarget as HTMLFormElement).get('why')));
    };
    return html`<fieldset class="reasons"><legend>${t('rejectWhy')}</legend>
      <div class="bar">${reasons.map((why, n) => html`<button type="button" key=${why} onClick=${() => chooseReason(n)}>${t(`why_${why}`)} <kbd>${n + 1}</kbd></button>`)}
        <button type="button" onClick=${() => {
          rejecting.value = null;
        }}>${t('cancel')} <kbd>Esc</kbd></button></div>
      ${
        rejecting.value === 'writing' &&
        html`<form class="bar" onSubmit=${submit}>
        <label>${t('whyText')} <input name="why" ref=${focusOnce} required maxlength="190" /></label>
        <button type="submit" class="primary">${t('reject')}</button></form>`
      }
    </fieldset>`;
  }

  function Input({ row }: { row: Row }): VNode {
    return html`<h2>${t('inputOf', { method: row.method })}</h2><pre class="text">${JSON.stringify(row.input, null, 2)}</pre>`;
  }

  /** A way back instead of a question before: it goes by itself, unless the focus is on it. */
  function UndoBar(): VNode | null {
    const last = undo.value;
    if (last === null) return null;
    const s = Math.max(0, Math.ceil((last.until - clock.value) / 1_000));
    return html`<div class="undo" role="status">
      <span>✓ ${t('sendsIn', { s, text: short(last.text) })}</span>
      <button type="button" id="undo" onClick=${() => void recall()}>${t('undo')} <kbd>U</kbd></button></div>`;
  }
}

/** All that waits, oldest first. */
async function readQueue(desk: Desk, signal: AbortSignal): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await desk.api.call<typeof journal.list>(
      'GET /api/v1/sandbox/pending',
      { limit: pageRows, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
    rows.push(...page.items);
    if (page.nextCursor === null || rows.length >= mostRows) return rows.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    cursor = page.nextCursor;
  }
}
function readContext(desk: Desk, chatId: string, signal: AbortSignal) {
  return desk.api.call<typeof inbox.chat_context>('GET /api/v1/chats/{chatId}', { chatId, limit: 10 }, { signal });
}
function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
function isUndoFocused(): boolean {
  return document.activeElement?.id === 'undo';
}
function focusOnce(element: HTMLElement | null): void {
  if (element !== null && document.activeElement !== element) element.focus();
}
