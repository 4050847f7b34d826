/** Options of a message as a channel can show them. */
import type { Choices } from '../../contracts/choices.ts';
import type { ChoiceLimits } from './port.ts';

export type OfferedChoices = Exclude<Choices, { as: 'contact_request' }>;
/** Longest title, in UTF-16 units. */
type TitleLimits = Readonly<Record<OfferedChoices['as'], number>>;

/**
 * Buttons that do not fit become a list; of more options than fit, the first ones are shown, and one that asks for more. Titles that are
 * too long are shortened, and stay distinct.
 */
export function fitted(choices: OfferedChoices, room: Pick<ChoiceLimits, 'buttons' | 'list'>, longest: TitleLimits): OfferedChoices {
  const { options, moreId, moreTitle = 'Ещё' } = choices;
  const isList = choices.as === 'list' || (options.length > room.buttons && room.list > room.buttons);
  const as = isList ? 'list' : 'buttons';
  const count = room[as] - 1;
  const isPaged = options.length > room[as] && moreId !== undefined;
  const shown = isPaged ? [...options.slice(0, count), { id: `${moreId}:${count}`, title: moreTitle }] : options;
  const titles = distinct(
    shown.map(({ title }) => title),
    longest[as],
  );
  const fitting = shown.map((option, n) => ({ ...option, title: titles[n] ?? option.title }));
  const button = choices.as === 'list' ? choices.button : 'Выбрать';
  return isList ? { ...choices, as: 'list', button, options: fitting } : { ...choices, as: 'buttons', options: fitting };
}

function distinct(titles: readonly string[], max: number): readonly string[] {
  const used = new Set<string>();
  return titles.map((title) => {
    let short = shortened(title, max);
    for (let n = 2; used.has(short); n += 1) short = `${shortened(title, max - String(n).length - 1)} ${n}`;
    used.add(short);
    return short;
  });
}

const graphemes = new Intl.Segmenter('ru', { granularity: 'grapheme' });
/** At most `max` UTF-16 units, with … in the place of the rest; no character is cut in half, unless it is longer than all the room. */
export function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = (pieces: Iterable<string>): string => {
    let kept = '';
    for (const piece of pieces) {
      if (kept.length + piece.length >= max) break;
      kept += piece;
    }
    return kept.trimEnd();
  };
  const whole = cut(Array.from(graphemes.segment(text), ({ segment }) => segment));
  return `${whole === '' ? cut(text) : whole}…`;
}
