/** Settings of this browser, and what guards the account of the person. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import type { Desk, Page } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { html } from '../kit/html.ts';
import { keyLabel } from '../kit/keys.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { themes } from '../kit/settings.ts';
import { NewPassword, problemOfPassword } from '../parts/new-password.ts';
import { SecondFactorSetup } from '../parts/second-factor.ts';
import { type OpenSession, Sessions } from '../parts/sessions.ts';
import { SystemSettings } from '../parts/system-settings.ts';
import { settingsWords } from '../words/settings.ts';

export const filters = {};

export function page(desk: Desk): Page {
  const { settings } = desk;
  return {
    view(): VNode {
      const t = desk.words(settingsWords);
      return html`<h1>${t('title')}</h1>
        <p>${t('intro')}</p>
        <fieldset><legend>${t('language')}</legend>
          ${(['ru', 'en'] as const).map(
            (language) => html`<label key=${language}><input type="radio" name="language" checked=${settings.language.value === language}
              onChange=${() => {
                settings.language.value = language;
              }} /> ${t(`language_${language}`)}</label>`,
          )}
        </fieldset>
        <fieldset><legend>${t('theme')}</legend>
          ${themes.map(
            (theme) => html`<label key=${theme}><input type="radio" name="theme" checked=${settings.theme.value === theme}
              onChange=${() => {
                settings.theme.value = theme;
              }} /> ${t(`theme_${theme}`)}</label>`,
          )}
        </fieldset>
        <fieldset><legend>${t('attention')}</legend>
          <label><input type="checkbox" checked=${settings.hasSound.value} onChange=${(event: Event) => {
            settings.hasSound.value = (event.target as HTMLInputElement).checked;
          }} /> ${t('sound')}</label>
        </fieldset>
        <fieldset><legend>${t('keys')}</legend>
          <label><input type="checkbox" checked=${settings.hasKeys.value} onChange=${(event: Event) => {
            settings.hasKeys.value = (event.target as HTMLInputElement).checked;
          }} /> ${t('keysOn')}</label>
          <p>${t('keysText')}</p>
          <ul class="keys">${remappable.map(
            ({ name, code, word }) => html`<li key=${name}><label>${t(word)}
              <input readonly value=${keyLabel(settings.keys.value[name] ?? code)}
                onKeyDown=${(event: KeyboardEvent) => remap(name, code, event)} /></label></li>`,
          )}</ul>
          <button type="button" onClick=${() => {
            settings.keys.value = {};
          }}>${t('keysReset')}</button>
        </fieldset>
        <div class="fields">
          ${desk.session.value?.hasPassword && html`<${Password} desk=${desk} /><${SecondFactor} desk=${desk} />`}
          <${Sessions} desk=${desk}
            load=${async (signal: AbortSignal) => ((await desk.api.request('GET /api/v1/session/all', {}, { signal })) as { items: readonly OpenSession[] }).items}
            end=${(sessionId: string) => desk.api.request('DELETE /api/v1/session/all/{sessionId}', { sessionId })} />
        </div>
        ${desk.may('intents.put_pattern') && html`<${Texts} />`}
        ${desk.may('system.list_settings') && html`<${SystemSettings} desk=${desk} />`}`;
    },
  };

  /** Loaded for those who manage them. */
  function Texts(): VNode {
    const shown = useResource(() => import('../parts/patterns.ts'));
    return html`<${Loaded} desk=${desk} of=${shown}>${({ Patterns, Templates }: typeof import('../parts/patterns.ts')) => html`<${Patterns} desk=${desk} />${desk.may('messages.list_templates') && html`<${Templates} desk=${desk} />`}`}<//>`;
  }
  function remap(name: string, code: string, event: KeyboardEvent): void {
    if (!/^(Key[A-Z]|Digit\d)$/.test(event.code) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const { [name]: _, ...others } = settings.keys.value;
    settings.keys.value = event.code === code ? others : { ...others, [name]: event.code };
  }
}

function Password({ desk }: { desk: Desk }): VNode {
  const t = desk.words(settingsWords);
  async function change(fields: FormData): Promise<string | undefined> {
    const next = String(fields.get('password'));
    const problem = problemOfPassword(desk, next, fields.get('again'));
    if (problem !== undefined) return problem;
    await desk.api.request('POST /api/v1/session/password', { current: fields.get('current'), next });
    desk.notify({ kind: 'done', text: t('passwordChanged') });
    desk.announce(t('passwordChanged'));
    return undefined;
  }
  return html`<section><h2>${t('password')}</h2>
    <${Form} desk=${desk} submit=${t('changePassword')} run=${change}>
      <input class="hidden" name="login" autocomplete="username" aria-hidden="true" tabindex="-1" readonly value=${desk.session.value?.person.personId ?? ''} />
      <label>${t('currentPassword')}<input name="current" type="password" required autocomplete="current-password" maxlength="200" /></label>
      <${NewPassword} desk=${desk} />
      <p class="quiet">${t('othersEnd')}</p>
    <//></section>`;
}

function SecondFactor({ desk }: { desk: Desk }): VNode {
  const t = desk.words(settingsWords);
  const isOpen = useSignal(false);
  const done = async (): Promise<void> => {
    isOpen.value = false;
    desk.notify({ kind: 'done', text: t('secondFactorOn') });
    desk.announce(t('secondFactorOn'));
  };
  return html`<section><h2>${t('secondFactor')}</h2>
    ${
      isOpen.value
        ? html`<${SecondFactorSetup} desk=${desk} done=${done} />`
        : html`<p class="quiet">${t('secondFactorText')}</p>
          <button type="button" onClick=${() => {
            isOpen.value = true;
          }}>${t('setUp')}</button>`
    }</section>`;
}

/** Keys of lists and of decisions, by the names of their bindings. */
const remappable = [
  { name: 'next', code: 'KeyJ', word: 'key_next' },
  { name: 'previous', code: 'KeyK', word: 'key_previous' },
  { name: 'approve', code: 'KeyA', word: 'key_approve' },
  { name: 'edit', code: 'KeyE', word: 'key_edit' },
  { name: 'reject', code: 'KeyR', word: 'key_reject' },
  { name: 'undo', code: 'KeyU', word: 'key_undo' },
  { name: 'claim', code: 'KeyC', word: 'key_claim' },
  { name: 'snooze', code: 'KeyS', word: 'key_snooze' },
] as const;
