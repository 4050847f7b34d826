/**
 * Detects requests for no more messages, in Russian or English as people type it. A false detection costs an answer, so a phrase
 * counts only if its part of the sentence contains nothing else, and a short word («стоп») only as the whole message.
 */

/** Words without influence. */
const filler = new Set(
  `а and ваши вас вашей вашу ваших все всё вы да день добрый доброе утро вечер здравствуйте здрасте hello hey hi и именно из-за мои немедленно ну очень
   огромная просьба please pls plz плиз плз пожалуйста прошу привет просто спасибо срочно так thanks thank you the ладно то тогда это уже я your`.split(
    /\s+/,
  ),
);
const me = '(?:мне|меня|нам|нас)';
const forEver =
  '(?:больше|более|никогда|вообще|впредь|совсем|сюда|на (?:этот|мой) номер|в (?:этот )?(?:чат|whatsapp|ватсап|вотсап|вацап|телеграм|личку))';
const adverts =
  '(?:реклам\\p{L}*|рассыл\\p{L}*|смс\\p{L}*|sms|сообщени\\p{L}*|спам\\p{L}*|уведомлени\\p{L}*|акци\\p{L}*|предложени\\p{L}*|новост\\p{L}*|ничего)';
const any = (...words: readonly string[]) => `(?:${words.join('|')})`;
/** In any order, each any number of times. */
const some = (...words: readonly string[]) => `(?: ?${any(...words)})*`;
const write = any('пиши(?:те)?', 'писать', 'беспокой(?:те)?', 'беспокоить', 'тревожь(?:те)?', 'тревожить', 'спамь(?:те)?', 'спамить');
const send = any(
  ...[
    'присылай(?:те)?',
    'присылать',
    'шли(?:те)?',
    'слать',
    'отправляй(?:те)?',
    'отправлять',
    'рассылай(?:те)?',
    'получать',
    'пиши(?:те)?',
  ],
);
const stopDoing = any('прекрати(?:те)?', 'прекращай(?:те)?', 'перестань(?:те)?', 'хватит', 'хорош', 'завязывай(?:те)?', 'кончай(?:те)?');
const list = any(
  'из',
  'от',
  'с',
  'в',
  'базы?',
  'базе',
  'баз',
  'рассыл\\p{L}*',
  'списк\\p{L}*',
  'контакт\\p{L}*',
  'данных',
  'клиентов',
  'своей',
  'своих',
);

/** Phrases that count as a part of a message. */
const phrases = [
  // не пишите мне больше; больше мне не пишите; прошу никогда мне не писать
  `${some(me, forEver)} ?не (?:(?:надо|нужно|стоит|смейте|хочу чтобы) )?${some(me, forEver)} ?${write}${some(me, forEver)}`,
  // не присылайте рекламу; не хочу получать рассылку; не надо слать мне смс
  `${some(me, forEver, adverts)} ?не (?:(?:надо|нужно|хочу|желаю|буду) )?${some(me, forEver)} ?${send}${some(me, forEver, 'от', adverts)}`,
  `${stopDoing}${some(me, forEver)} ?${any(write, send, adverts)}${some(me, forEver, adverts)}`,
  `(?:хочу |хотел бы |хотела бы |как |как мне |можно )?(?:отписаться|(?:отпишите|отпиши|отписать) ${me})${some(me, list, adverts)}`,
  `(?:удалите|удали|уберите|убери|исключите|вычеркните|вычеркни|сотрите|забудьте) ${any('меня', '(?:мой |этот )?(?:номер|телефон)(?: телефона)?', 'мои данные', 'мой контакт')}${some(list)}`,
  `(?:отключите|отмените|уберите|остановите|выключите)${some(me)} ?(?:подписку на )?${any('рассыл\\p{L}*', 'рекламу', 'уведомления', 'спам', 'смс')}`,
  `(?:отказываюсь|отказ) от ${adverts}`,
  `(?:отзываю|отозвать) (?:свое |мое )?согласие(?: на (?:обработку|рассылку|получение|использование).*)?`,
  `(?:оставьте|оставь) (?:меня|нас) в покое`,
  `(?:отстаньте|отстань|отвяжитесь|отвали|отвалите)(?: от меня)?`,
  `(?:do not|don't|dont|never) (?:ever )?(?:write|text|message|contact|spam|email|call or text)(?: to)?(?: me| us)?(?: again| anymore| any more| ever)*`,
  `stop (?:writing|texting|messaging|contacting|spamming|sending|bothering)(?: to)?(?: me| us)?(?: messages| texts| spam| ads| again| anymore)*`,
  `stop (?:all )?(?:messages|texts|spam|ads|the messages|this spam)`,
  `(?:i (?:want|would like|wish) to |i'd like to |how (?:do|can) i |can i |let me )?(?:unsubscribe|opt out)(?: me| us)?(?: from.*)?`,
  `(?:remove|delete|take) (?:me|my (?:number|phone|phone number|contact|data))(?: off| from| out of)?(?: (?:this|my|list|mailing|database|contacts|base))*`,
  `no more (?:messages|texts|spam|ads)`,
  `leave (?:me|us) alone`,
].map((phrase) => new RegExp(`^${phrase} ?$`, 'u'));
/** The subset that counts in one part of a longer message: it cannot refer to the present moment or one topic only. */
const isForGood = new RegExp(
  `${any(forEver, adverts, 'отписаться', '(?:номер|телефон|данные|меня)(?: |$)', 'согласие', 'покое', 'again', 'anymore', 'any more', 'ever', 'unsubscribe', 'opt out', 'messages', 'number', 'remove', 'delete')}`,
  'u',
);
/** Phrases that count as the whole message. */
const words =
  /^(?:(?:стоп|stop) ?){1,5}$|^(?:стоп|stop) (?:all|рассылк\p{L}*|реклам\p{L}*|спам\p{L}*|смс|сообщения)$|^(?:stopall|unsubscribe|optout|opt out|отписка|отпиши меня)$/u;
/** A wish with a condition or a time limit. */
const conditions =
  /(?:^| )(?:если|когда|пока|до|после|сегодня|завтра|сейчас|раньше|вечером|утром|ночью|if|until|unless|when|while|before|after|now|today|tonight)(?: |$)/u;
/** Longer texts contain more than the wish. UTF-16 units. */
const longest = 400;

export function asksToStop(text: string): boolean {
  if (text.length > longest) return false;
  const said = text.toLowerCase().replaceAll('ё', 'е').replaceAll('’', "'");
  const whole = bare(said);
  if (words.test(whole) || (matches(whole) && !conditions.test(whole))) return true;
  if (conditions.test(bareOf(said, false))) return false;
  return said.split(/[.!?;,\n()–—-]+(?=\s|$)/u).some((part) => {
    const short = bare(part);
    return matches(short) && isForGood.test(short);
  });
}

const matches = (said: string): boolean => said !== '' && phrases.some((phrase) => phrase.test(said));
const bare = (said: string): string => bareOf(said, true);
function bareOf(said: string, isFiltered: boolean): string {
  const found = said.match(/[\p{L}\p{N}']+/gu) ?? [];
  return (isFiltered ? found.filter((word) => !filler.has(word)) : found).join(' ');
}
