/** Options under our messages: their titles, their tokens, and pages of long lists. */
import { randomBytes } from 'node:crypto';
import type { Choices } from '../../contracts/choices.ts';
import { shortWeekday } from './days/labels.ts';
import type { Choice, ChoicePayload } from './rows/proposals.ts';
import type { Language, OfferedSlot } from './rows/sessions.ts';
import { words } from './words.ts';

export interface Option {
  readonly title: string;
  readonly description?: string | undefined;
  readonly payload: ChoicePayload;
}
/** Begins the token of every option, so that others’ buttons are told apart. */
export const tokenPrefix = 'c_';
/** Options of one message; WhatsApp shows ten rows, one of which opens the next page. */
const pageSize = 8;
/** Shown as buttons up to this number, as a list beyond it. */
const mostButtons = 3;
const listTitles: Readonly<Record<Language, string>> = { ru: 'Выбрать', en: 'Choose' };

/** `вт 1 дек 18:30` */
function slotTitle({ start }: OfferedSlot, language: Language): string {
  const [, month, day] = start.slice(0, 10).split('-').map(Number);
  const names = language === 'ru' ? ruMonths : enMonths;
  return `${shortWeekday(start.slice(0, 10), language)} ${day} ${names[(month ?? 1) - 1]} ${start.slice(11, 16)}`;
}
const ruMonths = ['янв', 'фев', 'мар', 'апр', 'мая', 'июн', 'июл', 'авг', 'сен', 'окт', 'ноя', 'дек'];
const enMonths = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export const slotOptions = (slots: readonly OfferedSlot[], language: Language): readonly Option[] =>
  slots.map((slot) => ({
    title: slotTitle(slot, language),
    description: slot.employee?.slice(0, 72) ?? undefined,
    payload: { is: 'slot', ref: slot.slot },
  }));
export const proposalOptions = (
  { proposalId, hash, what }: { readonly proposalId: string; readonly hash: string; readonly what: 'create' | 'move' | 'cancel' },
  language: Language,
): readonly Option[] => [
  { title: words[language].confirm, payload: { is: 'confirm', proposalId, hash } },
  { title: words[language][what === 'cancel' ? 'keep' : 'decline'], payload: { is: 'decline', proposalId, hash } },
];

/** The first page of the options, with a token for each. */
export function choicesOf(
  options: readonly Option[],
  language: Language,
): { readonly choices: readonly Choice[]; readonly shown: Choices | null } {
  if (options.length === 0) return { choices: [], shown: null };
  const isLong = options.length > pageSize + 1;
  const first = isLong ? options.slice(0, pageSize) : options;
  const rest = options.slice(first.length);
  const page: readonly Option[] = isLong ? [...first, { title: words[language].more, payload: { is: 'more', options: rest } }] : first;
  const made = page.map((option) => ({ ...option, token: `${tokenPrefix}${randomBytes(15).toString('base64url')}` }));
  const listed = made.map(({ token, title, description }) => ({
    id: token,
    title: title.slice(0, 64),
    ...(description ? { description } : {}),
  }));
  return {
    choices: made.map(({ token, title, payload }) => ({ token, title, payload })),
    shown: made.length <= mostButtons ? { as: 'buttons', options: listed } : { as: 'list', button: listTitles[language], options: listed },
  };
}
