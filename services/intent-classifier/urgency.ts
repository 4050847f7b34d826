/** Whether a message should not wait: danger at once, haste where somebody wants something of us. */
import { readChars, wordsOf } from './features.ts';
import type { IntentName } from './model.ts';
import { type Phrase, phrase } from './phrases.ts';

const danger: readonly Phrase[] = [
  ...['задыха*', 'без сознания', 'сильн* кровотечени*', 'кровь не останавлива*', 'вызовите скорую', 'отравил*', 'анафилак*'],
  ...['затопил*', 'затапливает', 'вода хлещет', 'хлещет вода', 'прорвало', 'искрит', 'пахнет газом', 'запах газа', 'горит проводка'],
  ...['ребен* … закрыл*', 'застрял* … лифт*', 'дверь … захлопнул*', 'дым* … розетк*', 'ребен* … пропал*'],
].map(phrase);
const haste: readonly Phrase[] = [
  ...['срочн*', 'немедленно', 'экстренн*', 'прямо сейчас', 'сию минуту', 'как можно скорее', 'как можно быстрее', 'поскорее', 'побыстрее'],
  ...['не могу ждать', 'через час', 'через полчаса', 'через 0 минут', 'опаздываем', 'опаздываю', 'время поджимает', 'горит', 'горят сроки'],
  ...['жд* … час', 'жд* … часа', 'жд* … часов', 'жд* … полчаса', 'жд* … 0 минут', 'где … курьер', 'до сих пор не', 'так и не приехал*'],
  ...['верн* … деньги', 'полици*', 'прокуратур*', 'роспотреб*', 'в суд'],
].map(phrase);
/** Words after which a hurried message is a complaint that boils over. */
const shout = /!{3,}|\p{Lu}{6,}/u;

export function isUrgent(given: string, intent: IntentName): boolean {
  const text = given.slice(0, readChars);
  if (intent === 'broadcast') return false; // «срочный выкуп», «только сейчас»
  const words = wordsOf(text);
  const says = (phrases: readonly Phrase[]) => phrases.some((fits) => fits(words));
  if (says(danger)) return true;
  if (intent === 'none' || intent === 'confirmation') return false;
  return says(haste) || (intent === 'complaint' && shout.test(text));
}
