/** Assents of one or two signs or words: they have a meaning only after a question. */
import { wordsOf } from './features.ts';

const words = new Set(
  `да ага агась угу ок окей оки окк оке ладно лады хорошо хор давай давайте конечно норм нормально пойдет идет годится подходит добро есть го ес
   так верно точно можно ok okay k kk yes yep yeah sure da aga ugu иә ия жарайды болады жаксы жақсы`.split(/\s+/),
);
const signs = /[+✅☑✔👍👌🤝💯🆗🫡]/gu;
const most = 3;

/** The whole message consists of such words and signs. */
export function isAssent(text: string): boolean {
  const without = text.replace(/[\u{1F3FB}-\u{1F3FF}\uFE0F]/gu, '').replace(signs, '');
  if (/[^\p{L}\s.,!)(]/u.test(without)) return false;
  const said = wordsOf(without);
  return said.length <= most && said.every((word) => words.has(word)) && (said.length > 0 || text.search(signs) >= 0);
}

const request = /подтверд|ответьте|напишите|дайте знать|сообщите|устро(и|я)т|подойд[её]т|соглас(ны|уете)|confirm|reply/iu;

/** Whether a text of the business expects an answer. A question mark inside a link does not count. */
export const asks = (text: string): boolean => /\?(?=[^\p{L}\p{N}=&]|$)/u.test(text) || request.test(text);
