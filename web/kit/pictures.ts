/** Loading, empty, refused, failed, old: five pictures, so that a failure never looks like an empty list. */
import type { ComponentChildren, VNode } from 'preact';
import { errorWords } from '../words/errors.ts';
import { kitWords } from '../words/kit.ts';
import type { RequestError } from './api.ts';
import type { Desk } from './desk.ts';
import { html } from './html.ts';
import type { Resource, Shown } from './resource.ts';

export type PictureKind = 'loading' | 'empty' | 'refused' | 'failed' | 'old';
const symbols: Readonly<Record<PictureKind, string>> = { loading: '…', empty: '○', refused: '⊘', failed: '✕', old: '⚠' };

export function Picture(props: { kind: PictureKind; title: string; children?: ComponentChildren }): VNode {
  const { kind, title, children } = props;
  const role = kind === 'failed' || kind === 'old' ? 'alert' : 'status';
  return html`<div class=${`picture ${kind}`} role=${role}>
    <span class="symbol" aria-hidden="true">${symbols[kind]}</span><strong>${title}</strong>${children}
  </div>`;
}

/** A failure in the words of the person. Which part of the input is wrong, only the server says. */
export function describeError(
  desk: Pick<Desk, 'words'>,
  { code, reason, message }: Pick<RequestError, 'code' | 'reason' | 'message'>,
): string {
  const t = desk.words(errorWords);
  if (reason !== undefined && reason in errorWords) return t(reason as keyof typeof errorWords);
  return code === 'invalid_argument' && message !== code ? `${t(code)} ${message}` : t(code in errorWords ? code : 'internal');
}

export function ErrorPicture(props: { desk: Desk; error: RequestError; kind: 'refused' | 'failed'; retry?: () => void }): VNode {
  const { desk, error, kind, retry } = props;
  const t = desk.words(kitWords);
  return html`<${Picture} kind=${kind} title=${t(kind)}>
    <p>${describeError(desk, error)}</p>
    <details><summary>${error.status === 0 ? error.code : `${error.status} ${error.reason ?? error.code}`}</summary>
      <p lang="en">${error.message}</p>
      ${error.requestId && html`<p>${t('requestId', { id: error.requestId })}</p>`}
    </details>
    ${retry && html`<button type="button" onClick=${retry}>${t('retry')}</button>`}
  <//>`;
}

/** Draws a value once it is there, and one of the pictures until then. `old` is drawn by the shell, above every page. */
export function Loaded<T>(props: {
  desk: Desk;
  of: Pick<Resource<T>, 'shown' | 'read'>;
  children: (value: T) => ComponentChildren;
}): ComponentChildren {
  const { desk, of, children } = props;
  return drawn(desk, of.shown.value, () => void of.read(), children);
}
export function drawn<T>(desk: Desk, shown: Shown<T>, retry: () => void, draw: (value: T) => ComponentChildren): ComponentChildren {
  switch (shown.kind) {
    case 'loading':
      return html`<${Picture} kind="loading" title=${desk.words(kitWords)('loading')} />`;
    case 'ready':
      return shown.error === undefined
        ? draw(shown.value)
        : html`<${NotRead} desk=${desk} error=${shown.error} retry=${retry} />${draw(shown.value)}`;
    case 'refused':
    case 'failed':
      return html`<${ErrorPicture} desk=${desk} error=${shown.error} kind=${shown.kind} retry=${retry} />`;
  }
}

/** What is shown beneath could not be read again. */
function NotRead({ desk, error, retry }: { desk: Desk; error: RequestError; retry: () => void }): VNode {
  const t = desk.words(kitWords);
  return html`<p class="problem" role="alert">⚠ ${t('notRead')} ${describeError(desk, error)} <button type="button" onClick=${retry}>${t('retry')}</button></p>`;
}
