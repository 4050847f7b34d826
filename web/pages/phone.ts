/** A phone in the browser: rings, answers, calls, keys, hold, mute. */
import { effect, signal, untracked } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Desk, Page } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createBell } from '../kit/sound.ts';
import { type PhoneCall, type Softphone, softphoneOf } from '../parts/softphone.ts';
import { phoneWords } from '../words/phone.ts';

/** A link of another page may give the number: `/desk/phone?to=+79995553322`. */
export const filters = { to: 'text' } as const;

const keypad = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'] as const;
const levelMs = 100;
const ringMs = 2_000;

export function page(desk: Desk): Page {
  const phone = softphoneOf(desk);
  const number = signal(desk.router.route.peek().query.to ?? '');
  const isRinging = (): boolean => phone.rings.value.length > 0 && phone.stage.value.kind === 'idle';
  const ring = createBell();
  let ringing: ReturnType<typeof setInterval> | undefined;
  const stopRinging = effect(() => {
    clearInterval(ringing);
    if (!isRinging()) return;
    ring();
    ringing = setInterval(ring, ringMs);
    const [first] = phone.rings.peek();
    if (first !== undefined) untracked(() => desk.announce(ringTitle(first), 'assertive'));
  });
  // On the page itself, so that the keys work where no field has the focus, and repeat with no prefix.
  const onKey = (event: KeyboardEvent): void => {
    const isTyping = event.target instanceof Element && event.target.closest('input, textarea, select, dialog') !== null;
    if (phone.stage.peek().kind !== 'talking' || isTyping || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!(keypad as readonly string[]).includes(event.key)) return;
    event.preventDefault();
    phone.press(event.key);
  };
  document.addEventListener('keydown', onKey);

  return {
    view: View,
    stop() {
      stopRinging();
      clearInterval(ringing);
      document.removeEventListener('keydown', onKey);
    },
  };

  function shown(other: string | null): string {
    if (other === null) return desk.words(phoneWords)('somebody');
    return other.startsWith('+') ? desk.format.value.phone(other) : other;
  }
  function ringTitle({ other }: PhoneCall): string {
    const t = desk.words(phoneWords);
    return other === null ? t('ringingWithheld') : t('ringing', { number: shown(other) });
  }

  function View(): VNode {
    const t = desk.words(phoneWords);
    const stage = phone.stage.value;
    const [first] = phone.rings.value;
    useKeys(
      desk.keys,
      first !== undefined && stage.kind === 'idle'
        ? [
            { name: 'answer', code: 'KeyA', label: t('answer'), run: () => void phone.answer(first) },
            { name: 'refuse', code: 'KeyX', label: t('refuse'), run: () => void phone.refuse(first) },
          ]
        : stage.kind === 'talking'
          ? [
              {
                name: 'mute',
                code: 'KeyM',
                label: t(phone.isMuted.value ? 'unmute' : 'mute'),
                run: () => phone.mute(!phone.isMuted.peek()),
              },
              { name: 'hangUp', code: 'Escape', label: t('hangUp'), run: () => void phone.hangUp() },
            ]
          : [],
      [first, stage.kind, phone.isMuted.value, desk.settings.language.value],
    );
    return html`<h1>${t('title')}</h1>
      <p class="quiet">${t('intro')}</p>
      <div class="phone">
        ${stage.kind === 'idle' && phone.rings.value.map((call) => html`<${Ring} key=${call.legId} call=${call} />`)}
        ${stage.kind === 'idle' ? html`<${Dial} />` : html`<${Talk} />`}
        ${phone.said.value !== null && html`<p class="problem" role="status">${phone.said.value}</p>`}
      </div>`;
  }

  function Ring({ call }: { call: PhoneCall }): VNode {
    const t = desk.words(phoneWords);
    return html`<section class="ring" aria-label=${ringTitle(call)}>
      <h2><span class="bell" aria-hidden="true">☎</span> ${ringTitle(call)}</h2>
      <div class="bar">
        <button type="button" class="primary" onClick=${() => void phone.answer(call)}>${t('answer')} <kbd>A</kbd></button>
        <button type="button" onClick=${() => void phone.refuse(call)}>${t('refuse')} <kbd>X</kbd></button>
      </div>
    </section>`;
  }

  function Dial(): VNode {
    const t = desk.words(phoneWords);
    return html`<form class="bar" onSubmit=${(event: SubmitEvent) => {
      event.preventDefault();
      if (number.peek().trim() !== '') void phone.call(number.peek().trim());
    }}>
      <label>${t('number')} <input name="to" type="tel" maxlength="64" autocomplete="off" value=${number.value} onInput=${(
        event: Event,
      ) => {
        number.value = (event.target as HTMLInputElement).value;
      }} /></label>
      <button class="primary" disabled=${number.value.trim() === ''}>${t('call')}</button>
    </form>
    ${phone.rings.value.length === 0 && html`<p class="quiet">${t('idle')}</p>`}`;
  }

  function Talk(): VNode {
    const t = desk.words(phoneWords);
    const stage = phone.stage.value;
    const mine = phone.mine.value;
    const other = shown(stage.kind === 'idle' ? null : stage.other);
    const isHeld = mine?.state === 'held';
    const isAnswered = mine?.state === 'answered' || isHeld;
    const word =
      stage.kind === 'connecting'
        ? 'connecting'
        : isHeld
          ? 'held'
          : isAnswered
            ? 'answered'
            : mine?.direction === 'to_person'
              ? 'connecting'
              : 'calling';
    const isMuted = phone.isMuted.value;
    return html`<section class="talk" data-state=${word} aria-label=${t('title')}>
      <div role="status"><h2>${t(word, { number: other })}</h2></div>
      ${stage.kind === 'talking' && stage.since !== null && html`<${Timer} since=${stage.since} />`}
      <${Meters} phone=${phone} />
      ${isMuted && html`<p class="warn">${t('muted')}</p>`}
      <div class="bar">
        <button type="button" aria-pressed=${isMuted} onClick=${() => phone.mute(!isMuted)}>${t(isMuted ? 'unmute' : 'mute')} <kbd>M</kbd></button>
        <button type="button" disabled=${!isAnswered} onClick=${() => void phone.hold(!isHeld)}>${t(isHeld ? 'resume' : 'hold')}</button>
        <button type="button" class="primary" onClick=${() => void phone.hangUp()}>${t('hangUp')} <kbd>Esc</kbd></button>
      </div>
      <div class="keypad" role="group" aria-label=${t('keypad')}>${keypad.map(
        (key) =>
          html`<button type="button" class="key" key=${key} disabled=${!isAnswered} onClick=${() => phone.press(key)}>${key}</button>`,
      )}</div>
      <p class="quiet">${phone.pressed.value === '' ? t('keypadHelp') : t('pressed', { keys: phone.pressed.value })}</p>
    </section>`;
  }

  function Timer({ since }: { since: number }): VNode {
    const text = useRef<HTMLElement>(null);
    useEffect(() => {
      const draw = (): void => {
        const seconds = Math.max(0, Math.floor((Date.now() - since) / 1_000));
        if (text.current !== null) text.current.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
      };
      draw();
      const timer = setInterval(draw, 1_000);
      return () => clearInterval(timer);
    }, [since]);
    return html`<p>${desk.words(phoneWords)('elapsed')}: <span class="timer" role="timer" ref=${text}></span></p>`;
  }

  function Meters({ phone: { levels } }: { phone: Softphone }): VNode {
    const t = desk.words(phoneWords);
    const bars = { mine: useRef<HTMLMeterElement>(null), other: useRef<HTMLMeterElement>(null) };
    useEffect(() => {
      const timer = setInterval(() => {
        const now = levels();
        for (const side of ['mine', 'other'] as const) if (bars[side].current !== null) bars[side].current.value = now[side];
      }, levelMs);
      return () => clearInterval(timer);
    }, []);
    return html`<div class="meters">
      <label>${t('levelMine')} <meter ref=${bars.mine} name="mine" min="0" max="1"></meter></label>
      <label>${t('levelOther')} <meter ref=${bars.other} name="other" min="0" max="1"></meter></label>
    </div>`;
  }
}
