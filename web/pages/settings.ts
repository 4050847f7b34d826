/** Settings of this browser. */
import type { VNode } from 'preact';
import type { Desk, Page } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { keyLabel } from '../kit/keys.ts';
import { themes } from '../kit/settings.ts';
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
        </fieldset>`;
    },
  };

  function remap(name: string, code: string, event: KeyboardEvent): void {
    if (!/^(Key[A-Z]|Digit\d)$/.test(event.code) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const { [name]: _, ...others } = settings.keys.value;
    settings.keys.value = event.code === code ? others : { ...others, [name]: event.code };
  }
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
