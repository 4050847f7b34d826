/**
 * Whether a short text agrees to the only open proposal, or refuses it. It is certain only if every word agrees: a condition, a
 * question, a correction or a word of courtesy alone is neither.
 */
import { claimWords, plainOf, visible } from './normal-form.ts';

export type Answer = 'agreement' | 'refusal' | null;
/** What the proposal would do. */
export type Proposed = 'create' | 'move' | 'cancel';

const set = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/));

const agreeing = set(
  `да ага угу дада ок окей оки окк ok okay k конечно подтверждаю подтверждаем подтвердить подтверждено подтверди подтвердите согласен согласна согласны годится подходит
   подойдет устраивает давайте давай оформляйте оформляй верно точно правильно именно хорошо ладно добро идет пойдет разумеется yes yep yeah yup sure confirm confirmed agreed agree
   absolutely definitely correct perfect`,
);
/** Names of the act itself: they agree to this act only. */
const acts: Readonly<Record<Proposed, ReadonlySet<string>>> = {
  create: set('записывайте записывай запишите запиши бронируйте бронируй забронируйте book'),
  move: set('переносите переноси перенесите перенеси move reschedule'),
  cancel: set('отменяйте отменяй отмените отмени снимайте снимите cancel'),
};
/** They agree beside an agreeing word, not alone: «отлично» may answer anything. */
const around = set(
  `отлично супер класс прекрасно замечательно все так это мне нас меня вполне полностью я мы тогда очень пожалуйста плиз и вас запись время please it that's that is
   fine great good go ahead do let's i me works for`,
);
const thanks = set('спасибо благодарю мерси thanks thank you большое');
/** Too weak alone: they may mean «I read it». */
const weakAlone = set('хорошо ладно добро идет точно верно именно правильно perfect');
/** Too weak beside thanks: together they end a conversation. */
const weakWithThanks = set('ок окей оки окк ok okay k давайте давай хорошо ладно');
const refusing = set('нет не неа отказываюсь передумал передумала передумали no nope стоп stop');
const aroundRefusal = set(
  `надо нужно хочу буду подтверждаю подтверждайте подтверждать подходит подойдет устраивает годится получится согласен согласна спасибо мне меня это так уже пожалуйста я
   мы стоит извините простите к сожалению увы thanks thank you don't do not want it i please sorry`,
);
const signsOfConsent = /[+✅☑✔👍👌🤝🆗]/gu;
const signsOfRefusal = /[❌👎🚫⛔✖]/gu;
/** UTF-16 units, words. */
const longest = 60;
const mostWords = 6;

export function answerIn(text: string, proposed: Proposed): Answer {
  if (text.length > longest) return null;
  const seen = visible(text).replace(/[\u{1F3FB}-\u{1F3FF}\uFE0F]/gu, '');
  const [agrees, refuses] = [signsOfConsent, signsOfRefusal].map((signs) => seen.search(signs) >= 0);
  const bare = seen.replace(signsOfConsent, ' ').replace(signsOfRefusal, ' ');
  // Anything but words and their punctuation says more than yes or no.
  if (/[^\p{L}\s.,!)'’«»"–-]/u.test(bare)) return null;
  const words = claimWords(plainOf(bare).replace(/^\s*ну[\s,]/u, ''));
  if (words.length > mostWords || (agrees && refuses)) return null;
  if (words.length === 0) return agrees ? 'agreement' : refuses ? 'refusal' : null;
  if (!refuses && isAgreement(words, proposed, agrees === true)) return 'agreement';
  return !agrees && isRefusal(words, proposed) ? 'refusal' : null;
}

function isAgreement(words: readonly string[], proposed: Proposed, withSign: boolean): boolean {
  const agreed = words.filter((word) => agreeing.has(word) || acts[proposed].has(word));
  if (!words.every((word) => agreed.includes(word) || around.has(word) || thanks.has(word))) return false;
  const strong = words.some((word) => thanks.has(word)) ? agreed.filter((word) => !weakWithThanks.has(word)) : agreed;
  return strong.some((word) => !weakAlone.has(word)) || (strong.length > 0 && (withSign || new Set(strong).size > 1));
}

function isRefusal(words: readonly string[], proposed: Proposed): boolean {
  const isAct = (word: string) => acts[proposed].has(word);
  const takesBack = proposed === 'create' && words.some((word) => acts.cancel.has(word) || /^отмен(?:а|ить|яю)$/.test(word));
  const isWord = (word: string) =>
    refusing.has(word) || aroundRefusal.has(word) || (takesBack && /^(?:отмен|снима|сними|cancel)/.test(word));
  if (!words.every((word, at) => isWord(word) || (isAct(word) && words[at - 1] === 'не'))) return false;
  return words.some((word) => refusing.has(word)) ? !takesBack : takesBack;
}
