/** Logging in, accepting an invitation, and setting up the second factor. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Desk, Session } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { describeError } from '../kit/pictures.ts';
import { errorOf } from '../kit/resource.ts';
import { shellWords } from '../words/shell.ts';

const leastPassword = 10;

export function Login({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  return html`<${Form} desk=${desk} title=${t('logIn')} submit=${t('enter')}
    run=${async (fields: FormData) => {
      const code = String(fields.get('code')).trim();
      const body = { login: fields.get('login'), password: fields.get('password'), ...(code === '' ? {} : { code }) };
      desk.session.value = (await desk.api.request('POST /api/v1/session', body)) as Session;
      return undefined;
    }}>
    <label>${t('login')}<input name="login" required autocomplete="username" autocapitalize="none" spellcheck=${false} maxlength="100" /></label>
    <label>${t('password')}<input name="password" type="password" required autocomplete="current-password" maxlength="200" /></label>
    <label>${t('code')}<input name="code" autocomplete="one-time-code" inputmode="numeric" maxlength="40" /></label>
  <//>`;
}

/** `/desk/invite#TOKEN`: a fragment is never sent to a server, so no log has the token. */
export function Invite({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  const token = location.hash.slice(1);
  return html`<${Form} desk=${desk} title=${t('invite')} submit=${t('accept')} refusal=${token === '' ? t('noToken') : undefined}
    run=${async (fields: FormData) => {
      const password = String(fields.get('password'));
      if ([...password].length < leastPassword) return t('passwordShort', { n: leastPassword });
      if (password !== fields.get('again')) return t('passwordsDiffer');
      const session = (await desk.api.request('POST /api/v1/session/accept', { token, password })) as Session;
      desk.router.go('/desk/', { replace: true });
      desk.session.value = session;
      return undefined;
    }}>
    <p>${t('inviteText', { n: leastPassword })}</p>
    <label>${t('password')}<input name="password" type="password" required autocomplete="new-password" maxlength="200" /></label>
    <label>${t('passwordAgain')}<input name="again" type="password" required autocomplete="new-password" maxlength="200" /></label>
  <//>`;
}

export function SecondFactor({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  const proposed = useSignal<{ readonly secret: string; readonly uri: string } | null>(null);
  const recovery = useSignal<readonly string[] | null>(null);
  const problem = useSignal('');
  useEffect(() => {
    desk.api.request('POST /api/v1/session/second-factor').then(
      (reply) => {
        proposed.value = reply as { secret: string; uri: string };
      },
      (thrown: unknown) => {
        problem.value = describeError(desk, errorOf(thrown));
      },
    );
  }, []);
  const resume = async (): Promise<undefined> => {
    desk.session.value = (await desk.api.request('GET /api/v1/session')) as Session;
  };
  if (recovery.value !== null)
    return html`<${Form} desk=${desk} title=${t('secondFactor')} submit=${t('continue')} run=${resume}>
      <p>${t('recoveryCodes')}</p><ul class="codes">${recovery.value.map((code) => html`<li key=${code}><code>${code}</code></li>`)}</ul>
    <//>`;
  return html`<${Form} desk=${desk} title=${t('secondFactor')} submit=${t('continue')} refusal=${problem.value || undefined}
    run=${async (fields: FormData) => {
      const reply = await desk.api.request('POST /api/v1/session/second-factor/confirm', { code: fields.get('code') });
      recovery.value = (reply as { recoveryCodes: readonly string[] }).recoveryCodes;
      return undefined;
    }}>
    <p>${t('secondFactorText')}</p>
    <p>${t('secondFactorKey')}: <code>${proposed.value?.secret ?? '…'}</code></p>
    ${proposed.value && html`<p><a href=${proposed.value.uri}>${t('secondFactorLink')}</a></p>`}
    <label>${t('secondFactorCode')}<input name="code" required autocomplete="one-time-code" inputmode="numeric" maxlength="40" /></label>
  <//>`;
}

interface FormProps {
  readonly desk: Desk;
  readonly title: string;
  readonly submit: string;
  /** Shown from the start. */
  readonly refusal?: string | undefined;
  /** Returns what is wrong with the fields, if anything. */
  readonly run: (fields: FormData) => Promise<string | undefined>;
  readonly children?: ComponentChildren;
}
function Form({ desk, title, submit, refusal, run, children }: FormProps): VNode {
  const problem = useSignal('');
  const isBusy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus(), [title]);
  async function submitted(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (isBusy.value || form.current === null) return;
    isBusy.value = true;
    problem.value = '';
    try {
      problem.value = (await run(new FormData(form.current))) ?? '';
    } catch (thrown) {
      problem.value = describeError(desk, errorOf(thrown));
    }
    isBusy.value = false;
  }
  const shown = problem.value || refusal;
  return html`<main id="main" class="narrow"><h1>${title}</h1>
    <form ref=${form} onSubmit=${(event: SubmitEvent) => void submitted(event)}>
      ${children}
      ${shown && html`<p class="problem" role="alert">${shown}</p>`}
      <button type="submit" class="primary" disabled=${isBusy.value}>${submit}</button>
    </form></main>`;
}
