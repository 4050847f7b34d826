/** Links, phones, e-mail addresses and prices in a text that no fact holds. */
import { plainOf, visible } from './normal-form.ts';
import { inDigits } from './numbers.ts';
import type { Support } from './support.ts';

export type Unsupported = 'link' | 'phone' | 'email' | 'price';

const zones =
  'ru|рф|su|com|net|org|io|me|pro|online|site|shop|app|dev|link|ly|cc|xyz|info|biz|ua|kz|by|uz|am|ge|tv|gg|to|co|uk|de|eu|us|top|club|store|space|website|tech|beauty|salon|ai|москва|онлайн|сайт|дети|page|gl|pw|live|fun|click|vip';
const dot = '(?:\\s*(?:\\[\\.\\]|\\(\\.\\)|\\[dot\\]|\\(dot\\)|\\sточка\\s|\\sdot\\s)\\s*|\\.)';
const email = new RegExp(
  `[\\p{L}\\p{N}._%+-]+(?:@|\\s*(?:\\(at\\)|\\[at\\]|\\sсобака\\s|\\(собака\\))\\s*)[\\p{L}\\p{N}-]+(?:${dot}[\\p{L}\\p{N}-]+)+`,
  'giu',
);
const link = new RegExp(
  `(?:(?:[a-z][a-z0-9+.-]{1,20}:\\/\\/|www\\.|(?:tel|mailto|sms|tg|javascript|data):)[^\\s<>"»)\\]]+)|(?<![\\p{L}\\p{N}@-])(?:[\\p{L}\\p{N}][\\p{L}\\p{N}-]*${dot})+(?:${zones})(?![\\p{L}\\p{N}-])(?:[/?#:][^\\s<>"»)\\]]*)?|(?<![\\p{L}\\p{N}.])@[a-z][a-z0-9_]{3,}|(?<![\\d.])(?:\\d{1,3}\\.){3}\\d{1,3}(?![.\\d])|\\S+\\.(?:php|html?|aspx?)(?![\\p{L}])`,
  'giu',
);

export function contactsIn(text: string, { links, phones }: Pick<Support, 'links' | 'phones'>): readonly Unsupported[] {
  const known = new Set(links.map(addressOf));
  const seen = visible(text);
  const found: Unsupported[] = [];
  const note = (kind: Unsupported) => (address: string) => {
    if (!known.has(addressOf(address))) found.push(kind);
    return ' ';
  };
  const without = seen.replace(email, note('email')).replace(link, note('link'));
  const numbers = new Set(phones.map(lastDigits));
  if (phonesIn(inDigits(plainOf(without))).some((phone) => !numbers.has(lastDigits(phone)))) found.push('phone');
  return found;
}

const addressOf = (written: string): string =>
  written
    .toLowerCase()
    .replace(/^(?:https?:\/\/|mailto:|tel:)/, '')
    .replace(/^www\./, '')
    .replace(/[/.,!?;:]+$/, '');
const lastDigits = (phone: string): string => phone.replace(/\D/g, '').slice(-10);

/** Dates and clock times have as many digits as a phone, and are none. */
const moments =
  /\d{4}-\d\d-\d\d(?:t[\d:.+z-]+)?|(?<!\d)\d{1,2}\.\d{1,2}\.\d{2,4}(?!\d)|(?<!\d)\d{1,2}[:.]\d\d(?!\d|[-.)]?\s?\d{2}[-\s]\d\d)/g;
const phonesIn = (plain: string): readonly string[] =>
  (plain.replace(moments, ' , ').match(/\+?\d(?:[\s().–-]{0,3}\d){6,}/g) ?? []).filter((run) => !/^\d{1,3}(?: \d{3}){1,2}$/.test(run));

const money =
  '(?:₽|руб\\p{L}*\\.?|р(?=[.\\s,!?)]|$)\\.?|рэ(?!\\p{L})|rub\\p{L}*|\\$|€|£|usd|eur|доллар\\p{L}*|евро|тенге|₸|kzt|сум(?!\\p{L})|бел\\. ?руб|dollars?|euros?|bucks|roubles?|грн)';
const amount = '\\d{1,3}(?:[\\s.,]\\d{3})+(?!\\d)|\\d+(?:[.,]\\d{1,2})?';
const withCurrency = new RegExp(`(?<![\\d.,:])(${amount})(?:\\s*(?:-|–|—|до|или|и|to)\\s*(${amount}))?\\s*${money}`, 'giu');
const beforeAmount = new RegExp(`(?:₽|\\$|€|£|₸|usd|eur|rub)\\s*(${amount})`, 'giu');
const priced = new RegExp(
  `(?<!\\p{L})(?:стоит|стоят|стоить|стоимость\\p{L}*|цен[аыеу]\\p{L}*|обойд\\p{L}+|выйдет|прайс\\p{L}*|оплат\\p{L}+|доплат\\p{L}+|предоплат\\p{L}+|итого|сумм\\p{L}+|cost\\p{L}*|price\\p{L}*|total)(?:(?![.!?]\\s)[^\\d]){0,40}?(?<![\\d:])(${amount})(?:\\s*(?:-|–|—|до|или|to)\\s*(${amount}))?(?![\\d:]|\\s*(?:мин|час|ч(?!\\p{L})|дн|день|раз|год|лет|шт|процедур|сеанс|%|человек|${'янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек'}))`,
  'giu',
);
const thousands =
  /(?<!\p{L})(?:за|от|до|по|в|на|всего|около|примерно)\s+(\d{4,6})(?![\d:.-]|\s*(?:г(?!\p{L})|год|шт|клиент|человек|отзыв))/giu;
const rebate = /(?:скидк|дешевле|бонус|кэшб|кешб|выгод|discount|off(?!\p{L})|cheaper)/iu;
const percent = /(?<![\d.,])(\d{1,3}(?:[.,]\d+)?)\s*(?:%|процент\p{L}*|percent)/giu;
const free =
  /(?<!\p{L})(?:бесплатн\p{L}*|даром|в подарок|за счет (?:заведения|салона)|free of charge|for free|(?:it's|totally|completely) free|complimentary|без оплаты)(?!\p{L})/giu;
const denied = /(?<!\p{L})(?:не|ни|нет|not|no)(?:\s\p{L}+)?\s*$/iu;

export function pricesIn(text: string, { prices, names }: Pick<Support, 'prices' | 'names'>): readonly Unsupported[] {
  const written = withoutNames(plainOf(text), names);
  const plain = inDigits(written).replace(/(?<=\d)[\u00a0\u202f](?=\d{3})/g, ' ');
  const patterns = [withCurrency, beforeAmount, priced, thousands, ...(rebate.test(plain) ? [percent] : [])];
  // A number of words over a thousand has no other use here: «две тысячи», without a currency.
  const spelled =
    plain === written || /год|клиент|человек|отзыв|раз(?!\p{L})|людей|процедур/u.test(plain)
      ? []
      : [...plain.matchAll(/(?<![\d.,])(\d{4,6})(?!\d)/g)];
  const found = [...patterns.flatMap((pattern) => [...plain.matchAll(pattern)]), ...spelled];
  const amounts = found.flatMap(([, ...groups]) => groups.flatMap((each) => (each === undefined ? [] : [amountOf(each)])));
  const isFree = [...plain.matchAll(free)].some(
    ({ index, 0: { length } }) => !denied.test(plain.slice(0, index)) && !/^\s+не /.test(plain.slice(index + length)),
  );
  return amounts.some((each) => !prices.includes(each)) || (isFree && !prices.includes(0)) ? ['price'] : [];
}

const amountOf = (written: string): number => Number(written.replace(/[\s.,](?=\d{3}(?!\d))/g, '').replace(',', '.'));

/** A name with a link or a phone in it is no cover for them. */
export function withoutNames(plain: string, names: readonly string[]): string {
  return names.reduce((rest, name) => {
    const each = plainOf(name).trim();
    return /\d/.test(each) && contactsIn(each, { links: [], phones: [] }).length === 0 ? rest.replaceAll(each, ' ') : rest;
  }, plain);
}
