/** Setting up an authenticator app: its key, a code of it, and the recovery codes, which are shown once. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Desk } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { html } from '../kit/html.ts';
import { describeError } from '../kit/pictures.ts';
import { errorOf } from '../kit/resource.ts';
import { shellWords } from '../words/shell.ts';

/** @param props.done Called when the person has kept the recovery codes. */
export function SecondFactorSetup({ desk, done }: { desk: Desk; done: () => Promise<void> }): VNode {
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
  if (recovery.value !== null)
    return html`<${Form} key="codes" desk=${desk} submit=${t('continue')} run=${done}>
      <p role="status">${t('recoveryCodes')}</p><ul class="codes">${recovery.value.map((code) => html`<li key=${code}><code>${code}</code></li>`)}</ul>
    <//>`;
  return html`<${Form} key="setup" desk=${desk} submit=${t('continue')} refusal=${problem.value || undefined}
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
