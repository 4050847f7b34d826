/** Whether a text asks for a person instead of the assistant. A mention of people («человек на 5 минут») asks for none. */
import { plainOf, sentencesOf, visible } from './normal-form.ts';

const role =
  '(?:оператор\\p{L}*|администратор\\p{L}*|админ(?:а|у|ом)?|менеджер\\p{L}*|сотрудник\\p{L}*|консультант\\p{L}*|поддержк\\p{L}*|руководител\\p{L}*|начальник\\p{L}*|директор\\p{L}*|управляющ\\p{L}*)';
const person =
  '(?:человек(?:а|у|ом)?|жив(?:ого|ому|ой|ом|ым)(?! (?:мастер|очеред|музык))(?: (?:человек\\p{L}*|оператор\\p{L}*|сотрудник\\p{L}*))?|людьми|людей|кого-нибудь|кого-то|кем-нибудь|кем-то|настоящ\\p{L}+ (?:человек\\p{L}*|людьми))';
const anyone = `(?:${role}|${person})`;
const call =
  '(?:позов\\p{L}+|позвать|соедин\\p{L}+|переключ\\p{L}+|перевед\\p{L}+|переведите|подключ\\p{L}+|дайте|дай|пригласи\\p{L}*|вызов\\p{L}+|вызвать|свяжите|связать|свяжи|нужен|нужна|нужно|требую|требуется|хочу|хотел\\p{L}*|хотелось бы|можно|зови\\p{L}*|давайте|давай|прошу)';
const talk = '(?:поговорить|говорить|общаться|пообщаться|связаться|переписываться|обсудить|решать|разговаривать|поболтать|чатиться)';
const small =
  '(?: (?:мне|меня|нас|сюда|пожалуйста|плиз|уже|сейчас|срочно|бы|лучше|только|просто|наконец|в чат|какого-нибудь|любого|на|с|со|к|вашего|вашим|вашему|вашей|ваш|нормального|нормальным|нормальному|здесь|тут|кто|из))*';

const requests = [
  `^${small.replace('(?: ', '(?:').replace('))*', ') )*')}${call}${small} ${anyone}(?! на \\d|\\p{L}| \\d)`,
  `(?:хочу|хотел\\p{L}*|хотелось бы|буду|можно|нужно|надо|могу|давайте|дайте|дай)${small} ${talk}${small} (?:с |со )?(?:${anyone}|не с (?:роботом|ботом))`,
  `(?:${talk})${small} (?:с |со )${anyone}`,
  `^(?:${anyone})(?: (?:пожалуйста|плиз|позовите|нужен|нужна|в чат|сюда|срочно|живого|давайте|дайте|please))*$`,
  `(?:не (?:хочу|буду|желаю|собираюсь)) (?:\\p{L}+ )?(?:говорить|общаться|разговаривать|переписываться|писать|иметь дело) (?:с )?(?:роботом|ботом|машиной|роботам|автоответчиком)`,
  `(?:есть|тут|здесь)(?: (?:тут|здесь|кто-нибудь|хоть|вообще|там))* жив(?:ой|ые)`,
  `живой (?:человек|оператор)(?: (?:есть|тут|нужен|там))?$`,
  `(?:talk|speak|chat|connect me|transfer me|put me through|get me|give me|need|want)(?: (?:to|with|a|an|the|your|some|real|live|actual|speak|talk|me|please))* (?:human|person|operator|agent|manager|representative|someone real|somebody real|staff|live agent|receptionist|administrator)`,
  `^(?:a )?(?:human|operator|agent|representative|real person|live agent|manager)(?: please| now)*$`,
  `(?:don't|do not) want to (?:talk|speak|chat) (?:to|with) (?:a |the )?(?:bot|robot|machine|ai)`,
].map((pattern) => new RegExp(`(?<!\\p{L})(?:${pattern})(?!\\p{L})`, 'u'));

/** No wish of now: staff as the topic, a refusal, or work and visits of people. */
const otherTopic =
  /(?<!\p{L})(?:не (?:надо|нужно|нужен|нужна|зовите|хочу (?:оператора|администратора|менеджера)|переключайте|соединяйте)|спасибо (?:оператору|администратору|менеджеру)|(?:оператор|администратор|менеджер) (?:сказал|обещал|перезвонил|звонил|ответил|грубил|хамил)\p{L}*|на (?:\p{L}+ )?(?:человек|людей)|\d+ человек|работа\p{L}* (?:оператором|администратором|менеджером)|ваканси\p{L}*|резюме|do not need|don't need|no need)(?!\p{L})/u;
const command = /^\/(?:operator|human|manager|оператор)(?:@\w+)?(?:\s|$)/iu;
const longest = 300;

export function asksForPerson(text: string): boolean {
  if (command.test(visible(text).trim())) return true;
  if (text.length > longest) return false;
  return sentencesOf(text).some((sentence) => {
    const parts = sentence.parts.map(({ words }) =>
      words.replace(/^(?:здравствуйте|привет|добрый день|алло|да|нет|а|и|но|слушайте|ну|так|все|блин|hi|hello|please) /u, ''),
    );
    return !otherTopic.test(plainOf(sentence.text)) && parts.some((part) => requests.some((request) => request.test(part)));
  });
}
