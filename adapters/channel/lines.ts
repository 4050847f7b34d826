/** One-line descriptions of content, in Russian for the sales desk. */
import type { Content } from '../../contracts/content.ts';
import { digitsOf } from './fields.ts';

type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;
/** Content without its line, as readers produce it. */
export type ContentFacts = Without<Content, 'line'>;

/** The part with its line. */
export function withLine(part: ContentFacts): Content {
  return { ...part, line: lineOf(part).replace(/\s+/g, ' ').trim().slice(0, 1000).toWellFormed() } as Content; // Each member of the union has gained `line`.
}

const files = {
  voice: 'Голосовое сообщение',
  audio: 'Аудио',
  photo: 'Фото',
  video: 'Видео',
  round_video: 'Видеосообщение',
  animation: 'Анимация',
  document: 'Файл',
  sticker: 'Стикер',
} as const satisfies Record<Extract<Content, { type: 'file' }>['kind'], string>;
const offered = { buttons: 'Кнопки', list: 'Список', contact_request: 'Запрос контакта' } as const;
const choices = { button: 'Кнопка', list: 'Выбрано', template: 'Кнопка', form: 'Форма' } as const;

function lineOf(part: ContentFacts): string {
  switch (part.type) {
    case 'file':
      return named(files[part.kind], part.name);
    case 'location': {
      const place = [part.name, part.address].filter((each) => each !== null).join(', ');
      const point = `${round(part.latitude)}, ${round(part.longitude)}`;
      return `${part.isLive ? 'Геопозиция в реальном времени' : 'Геопозиция'}: ${place === '' ? point : `${place} (${point})`}`;
    }
    case 'contact':
      return `Контакт: ${[part.name, part.organization, ...part.phoneNumbers, ...part.emails].filter(Boolean).join(', ')}`;
    case 'order': {
      const items = part.items.map(({ productId, quantity, price }) => `${productId} × ${quantity}${price ? ` по ${money(price)}` : ''}`);
      return `Заказ из каталога: ${items.join('; ')}${part.total ? `; итого ${money(part.total)}` : ''}`;
    }
    case 'product':
      return `Товар: ${part.productId}`;
    case 'choice':
      return `${choices[part.of]}: ${[part.title, part.description].filter(Boolean).join(' — ')}`;
    case 'options':
      return `${offered[part.as]}: ${part.options.map(({ title }) => title).join('; ')}`;
    case 'poll':
      return `Опрос: ${part.question} (${part.options.map(({ text }) => text).join('; ')})`;
    case 'checklist':
      return `Список «${part.title}»: ${part.tasks.map(({ text, isDone }) => `${isDone ? '☑' : '☐'} ${text}`).join('; ')}`;
    case 'sticker':
      return `Стикер ${part.emoji ?? ''}`;
    case 'dice':
      return `${part.emoji} ${part.value}`;
    case 'game':
      return `Игра: ${part.title}`;
    case 'web_app':
      return `Данные из приложения «${part.button}»: ${part.data}`;
    case 'invoice':
      return `Счёт: ${part.title}${part.amount ? `, ${money(part.amount)}` : ''}`;
    case 'payment':
      return `${part.isRefund ? 'Возврат платежа' : 'Оплачено'}${part.amount ? `: ${money(part.amount)}` : ''}`;
    case 'quote':
      return `Цитата${part.from === null ? '' : ` (${part.from})`}: ${part.text}`;
    case 'link':
      return `Ссылка: ${part.text} — ${part.url}`;
    case 'forward':
      return part.from === null ? 'Переслано' : `Переслано от: ${part.from}`;
    case 'referral':
      return `Пришли по ${part.source === 'ad' ? 'рекламе' : 'публикации'}: ${[part.headline, part.url].filter(Boolean).join(' — ')}`;
    case 'story':
      return named('История', part.from);
    case 'notice':
      return `Событие: ${part.of}`;
    case 'unknown':
      return `Сообщение неизвестного вида: ${part.of}`;
  }
}
const named = (what: string, name: string | null): string => (name === null ? what : `${what}: ${name}`);
const round = (degrees: number): string => degrees.toFixed(6).replace(/0+$/, '').replace(/\.$/, '');

type Money = NonNullable<Extract<Content, { type: 'invoice' }>['amount']>;
function money({ amountMinor, currency }: Money): string {
  const digits = digitsOf(currency);
  return new Intl.NumberFormat('ru', { style: 'currency', currency, minimumFractionDigits: amountMinor % 10 ** digits === 0 ? 0 : digits })
    .format(amountMinor / 10 ** digits)
    .replace(/\s/g, ' ');
}
