/** Values as people read them. */
import type { Language } from './words.ts';

export interface Format {
  /** `+7 999 555-33-22`; a masked phone stays masked. */
  phone(phone: string): string;
  number(value: number): string;
  /** Minor units of a currency as `1 500,00 ₽`. */
  money(sum: { readonly amountMinor: number; readonly currency: string }): string;
  /** `0.93` as `93 %`. */
  percent(share: number): string;
  /** `09:02` today, `28.11, 09:02` on other days. */
  time(iso: string): string;
  /** With date, seconds and the zone. */
  fullTime(iso: string): string;
  /** `12 мин`, `3 ч 5 мин`. */
  duration(ms: number): string;
  /** Time since `iso` in whole seconds or more, as a duration. */
  age(iso: string, now: number): string;
  /** The zone of the viewer, `Europe/Moscow`. */
  readonly zone: string;
}

export function createFormat(language: Language, timeZone: string): Format {
  const locale = language === 'ru' ? 'ru-RU' : 'en-GB';
  const dates = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { timeZone, hourCycle: 'h23', ...options });
  const clock = dates({ hour: '2-digit', minute: '2-digit' });
  const day = dates({ day: '2-digit', month: '2-digit' });
  const full = dates({
    day: '2-digit',
    month: '2-digit',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
  const numbers = new Intl.NumberFormat(locale);
  const percents = new Intl.NumberFormat(locale, { style: 'percent' });
  const units = Object.fromEntries(
    (['day', 'hour', 'minute', 'second', 'millisecond'] as const).map((unit) => [
      unit,
      new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }),
    ]),
  );
  const unit = (name: string, value: number): string => units[name]?.format(value) ?? String(value);

  return {
    zone: timeZone,
    phone: groupPhone,
    number: (value) => numbers.format(value),
    money({ amountMinor, currency }) {
      const sums = new Intl.NumberFormat(locale, { style: 'currency', currency });
      return sums.format(amountMinor / 10 ** (sums.resolvedOptions().maximumFractionDigits ?? 2));
    },
    percent: (share) => percents.format(share),
    time(iso) {
      const at = new Date(iso);
      return day.format(at) === day.format(new Date()) ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
    },
    fullTime: (iso) => full.format(new Date(iso)),
    duration,
    age(iso, now) {
      const ms = Math.max(0, now - Date.parse(iso));
      return ms < 1_000 ? unit('second', 0) : duration(ms);
    },
  };

  function duration(ms: number): string {
    if (ms < 1_000) return unit('millisecond', Math.round(ms));
    const s = Math.floor(ms / 1_000);
    if (s < 60) return unit('second', s);
    if (s < 3_600) return unit('minute', Math.floor(s / 60));
    const [large, small, of] = s < 86_400 ? (['hour', 'minute', 3_600] as const) : (['day', 'hour', 86_400] as const);
    const rest = Math.floor((s % of) / (small === 'minute' ? 60 : 3_600));
    const whole = unit(large, Math.floor(s / of));
    return rest === 0 ? whole : `${whole} ${unit(small, rest)}`;
  }
}

/** Groups after the code of the country; what is not E.164 is returned unchanged. */
function groupPhone(phone: string): string {
  const [, own] = /^\+7(\d{10})$/.exec(phone) ?? [];
  if (own !== undefined) return `+7 ${own.slice(0, 3)} ${own.slice(3, 6)}-${own.slice(6, 8)}-${own.slice(8)}`;
  if (!/^\+\d{7,15}$/.test(phone)) return phone;
  return phone.replace(/\B(?=(\d{3})+$)/g, ' ');
}
