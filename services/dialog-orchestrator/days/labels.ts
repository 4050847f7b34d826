/** Names of days for people. */
import { addDays, daysFrom, weekdayOf, zoneOf } from '../../../adapters/booking/zone.ts';

export type Language = 'ru' | 'en';
export type Case = 'nominative' | 'genitive' | 'dative' | 'accusative';

const russian: Readonly<Record<Case, readonly string[]>> = {
  nominative: ['понедельник', 'вторник', 'среда', 'четверг', 'пятница', 'суббота', 'воскресенье'],
  genitive: ['понедельника', 'вторника', 'среды', 'четверга', 'пятницы', 'субботы', 'воскресенья'],
  dative: ['понедельнику', 'вторнику', 'среде', 'четвергу', 'пятнице', 'субботе', 'воскресенью'],
  accusative: ['понедельник', 'вторник', 'среду', 'четверг', 'пятницу', 'субботу', 'воскресенье'],
};
const english = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const months: Readonly<Record<Language, readonly string[]>> = {
  ru: ['января', 'февраля', 'марта', 'апреля', 'мая', 'июня', 'июля', 'августа', 'сентября', 'октября', 'ноября', 'декабря'],
  en: ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
};
const near: Readonly<Record<Language, readonly string[]>> = { ru: ['сегодня', 'завтра', 'послезавтра'], en: ['today', 'tomorrow'] };

/** `вторник`, `среду`. @param date `YYYY-MM-DD`; English has one case */
export function weekdayName(date: string, language: Language, grammaticalCase: Case = 'nominative'): string {
  const names = language === 'en' ? english : russian[grammaticalCase];
  return names[weekdayOf(date) - 1] ?? '';
}

/** From Monday. */
export const shortWeekdays: Readonly<Record<Language, readonly string[]>> = {
  ru: ['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс'],
  en: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'],
};
/** `вт`, `Tue`. @param date `YYYY-MM-DD` */
export const shortWeekday = (date: string, language: Language): string => shortWeekdays[language][weekdayOf(date) - 1] ?? '';

/** `вторник, 1 декабря`, `Tuesday, 1 December`. @param date `YYYY-MM-DD` */
export function dateLabel(date: string, language: Language): string {
  const [, month = '', day = ''] = date.split('-');
  return `${weekdayName(date, language)}, ${Number(day)} ${months[language][Number(month) - 1] ?? ''}`;
}

/**
 * The next days for a prompt, today first: `2026-11-29 — воскресенье, 29 ноября (сегодня)`.
 * @param now Unix ms or ISO 8601 with an offset
 */
export function calendarOf(now: number | string, timeZone: string, language: Language, days: number): readonly string[] {
  const today = zoneOf(timeZone).dayOf(typeof now === 'number' ? now : Date.parse(now));
  return daysFrom({ from: today, days }).map((date) => {
    const ahead = near[language].findIndex((_, index) => addDays(today, index) === date);
    const name = near[language][ahead];
    return `${date} — ${dateLabel(date, language)}${name === undefined ? '' : ` (${name})`}`;
  });
}
