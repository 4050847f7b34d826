/** Logging in, accepting an invitation, and setting up the second factor. */
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Desk, Session } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { html } from '../kit/html.ts';
import { NewPassword, problemOfPassword } from '../parts/new-password.ts';
import { identityProvider, ProviderLink, takeRefusal } from '../parts/provider.ts';
import { SecondFactorSetup } from '../parts/second-factor.ts';
import { shellWords } from '../words/shell.ts';

export function Login({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  const refusal = useMemo(() => takeRefusal(desk), []);
  const provider = identityProvider();
  return html`<${Narrow} title=${t('logIn')}>
    ${refusal !== '' && html`<p class="problem" role="alert">${refusal}</p>`}
    ${provider !== null && html`<${ProviderLink} desk=${desk} name=${provider.name} />`}
    ${(provider === null || provider.hasPasswords) && html`<${Password} desk=${desk} />`}
  <//>`;
}

function Password({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  return html`<${Form} desk=${desk} submit=${t('enter')}
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
  return html`<${Narrow} title=${t('invite')}><${Form} desk=${desk} submit=${t('accept')} refusal=${token === '' ? t('noToken') : undefined}
    run=${async (fields: FormData) => {
      const password = String(fields.get('password'));
      const problem = problemOfPassword(desk, password, fields.get('again'));
      if (problem !== undefined) return problem;
      const session = (await desk.api.request('POST /api/v1/session/accept', { token, password })) as Session;
      desk.router.go('/desk/', { replace: true });
      desk.session.value = session;
      return undefined;
    }}>
    <${NewPassword} desk=${desk} />
  <//><//>`;
}

export function SecondFactor({ desk }: { desk: Desk }): VNode {
  const t = desk.words(shellWords);
  const resume = async (): Promise<void> => {
    desk.session.value = (await desk.api.request('GET /api/v1/session')) as Session;
  };
  return html`<${Narrow} title=${t('secondFactor')}><${SecondFactorSetup} desk=${desk} done=${resume} /><//>`;
}

/** A page that is all that one can do; its first action or field has the focus. */
function Narrow({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  const main = useRef<HTMLElement>(null);
  useEffect(() => main.current?.querySelector<HTMLElement>('a.action, input')?.focus(), [title]);
  return html`<main id="main" class="narrow" ref=${main}><h1>${title}</h1>${children}</main>`;
}
