/** What a reply asks the customer for. A voice waits longer for a number that is dictated, and an ear expects other words. */
import type { z } from 'zod';
import type { Expected } from '../../contracts/dialog.ts';

type ExpectedKind = z.infer<typeof Expected>;
/** A sentence that wants something: a question, or a request to tell it. */
const asks = /\?\s*$|назовите|продиктуйте|скажите|укажите|подскажите|напомните|сообщите|уточните|наберите|tell me|please (give|say)/i;
const patterns: readonly (readonly [ExpectedKind, RegExp])[] = [
  ['phone', /телефон|номер(?!\S* (заказ|карт|договор|дом|квартир|запис|кабинет))|phone/i],
  ['number', /номер\S* (заказ|карт|договор|дом|квартир|запис)|(^|\s)код(\s|[?.,]|$)|цифр/i],
  ['name', /(?<!\p{L})(как\S* .*(зовут|звать|обращаться)|им(я|ени)(?!\p{L})|фамили|кого записать|на чь[её] имя|your name)/iu],
  ['address', /адрес(?! (у нас|салона|наш))|улиц|куда (вам )?(приехать|доставить|привезти)|your address/i],
  ['email', /(электронн\S+|ваш\S+) почт|e-?mail|имейл/i],
  ['time', /когда|во сколько|как(ой|ое|ую|ая|ие) (день|дата|дату|время|врем|числ|дни)|на какое|what (day|time)|when/i],
];

/** @param more how many proposals and options the reply shows */
export function expectedBy(reply: string | null, more: { readonly proposals: number; readonly choices: number }): ExpectedKind[] {
  const asked = (reply ?? '').split(/(?<=[.!?…])\s+/).filter((sentence) => asks.test(sentence));
  const found = patterns.filter(([, pattern]) => asked.some((sentence) => pattern.test(sentence))).map(([expected]) => expected);
  return [...found, ...(more.choices > 0 ? (['choice'] as const) : []), ...(more.proposals > 0 ? (['consent'] as const) : [])];
}
