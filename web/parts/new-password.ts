/** The fields of a new password. */
import type { VNode } from 'preact';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { shellWords } from '../words/shell.ts';

const leastPassword = 10;

export function NewPassword({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  return html`<p>${t('inviteText', { n: leastPassword })}</p>
    <label>${t('password')}<input name="password" type="password" required autocomplete="new-password" maxlength="200" /></label>
    <label>${t('passwordAgain')}<input name="again" type="password" required autocomplete="new-password" maxlength="200" /></label>`;
}

export function problemOfPassword(desk: Desk, password: string, again: unknown): string | undefined {
  const t = desk.words(shellWords);
  if ([...password].length < leastPassword) return t('passwordShort', { n: leastPassword });
  return password === again ? undefined : t('passwordsDiffer');
}
