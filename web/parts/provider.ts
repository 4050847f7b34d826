/** Logging in through the identity provider: a link, since the browser leaves the desk, and the refusal with which it comes back. */
import type { VNode } from 'preact';
import type { Code } from '../../contracts/kit/errors.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { describeError } from '../kit/pictures.ts';
import { logInWords } from '../words/log-in.ts';

/** Null where there is none. */
export function identityProvider(): { readonly name: string; readonly hasPasswords: boolean } | null {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="identity-provider"]');
  return meta === null ? null : { name: meta.content, hasPasswords: meta.dataset.passwords !== 'false' };
}

export function ProviderLink({ desk, name }: { desk: Desk; name: string }): VNode {
  const to = new URLSearchParams({ to: location.pathname + location.search });
  return html`<p><a class="action" href=${`/api/v1/session/provider?${to}`}>${desk.words(logInWords)('enterThrough', { name })}</a></p>`;
}

/** The refusal in the fragment of the address, in words; '' without one. Taken once: a reload does not show it again. */
export function takeRefusal(desk: Desk): string {
  const facts = new URLSearchParams(location.hash.slice(1));
  const code = facts.get('refused');
  if (code === null) return '';
  history.replaceState(null, '', location.pathname + location.search);
  const reason = facts.get('reason') ?? '';
  const [login = '', identity = ''] = ['login', 'identity'].map((name) => /^[a-z0-9_.-]{1,64}$/.exec(facts.get(name) ?? '')?.[0]);
  return reason in logInWords
    ? desk.words(logInWords)(reason as keyof typeof logInWords, { login, identity })
    : describeError(desk, { code: code as Code, reason, message: code });
}
