/** Values in the words of a message, and texts in a form that can be stored and sent. */
import type { z } from 'zod';
import type { Money } from '../../contracts/common.ts';
import { dateLabel } from './days/labels.ts';
import type { Language } from './rows/sessions.ts';

const signs: Readonly<Record<string, string>> = { RUB: '₽', EUR: '€', USD: '$', KZT: '₸', BYN: 'Br' };

/** At most so many UTF-16 units, without half of a character at the end. */
export const cut = (text: string, max: number): string => text.slice(0, max).toWellFormed();

/** `2 000 ₽` */
export function moneyText({ amountMinor, currency }: z.output<typeof Money>): string {
  const whole = Math.trunc(amountMinor / 100);
  const rest = amountMinor % 100;
  const digits = String(whole).replace(/\B(?=(\d{3})+$)/g, ' ');
  return `${digits}${rest === 0 ? '' : `,${String(rest).padStart(2, '0')}`} ${signs[currency] ?? currency}`;
}
/** `вторник, 1 декабря, 18:30`. @param start with the offset of the location */
export function whenText(start: string, language: Language): string {
  return `${dateLabel(start.slice(0, 10), language)}, ${start.slice(11, 16)}`;
}
