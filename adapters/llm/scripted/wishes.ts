/** What a customer wants, by words. */

export type Wish =
  | 'person'
  | 'complaint'
  | 'call'
  | 'cancel'
  | 'move'
  | 'own'
  | 'price'
  | 'services'
  | 'employees'
  | 'address'
  | 'hours'
  | 'phone'
  | 'book'
  | 'thanks'
  | 'bye'
  | 'greeting'
  | 'rude'
  | 'other';

const word = (...stems: string[]) => `(?<!\\p{L})(?:${stems.join('|')})`;
const like = (...patterns: string[]) => new RegExp(patterns.join('|'), 'iu');

/** The first that fits counts: what changes something or needs a person goes before questions, and those before courtesies. */
const cues: readonly (readonly [Wish, RegExp])[] = [
  [
    'person',
    like(
      word('оператор', 'менеджер', 'администратор', 'operator', 'manager', 'human', 'real person'),
      'жив\\p{L}+ (?:человек|сотрудник)',
      '(?:позов|соедин|переключ|перевед|пригласи)\\p{L}*(?: \\p{L}+){0,3} (?:человек|сотрудник|кого|админ|мастер)',
      '(?:поговорить|общаться|связаться) с (?:\\p{L}+ )?(?:человек|сотрудник|кем|людьми|админ)',
      'нужен (?:\\p{L}+ )?(?:человек|сотрудник)',
      '(?:talk|speak) to (?:a|some)',
    ),
  ],
  [
    'complaint',
    like(
      word('жалоб', 'жалую', 'пожаловаться', 'претензи', 'недовол', 'испорти', 'обман', 'безобрази', 'возмущ'),
      'верните деньги',
      word('complain', 'refund', 'ruined', 'terrible', 'unhappy'),
    ),
  ],
  ['call', like(word('перезвон', 'позвоните мне', 'наберите меня', 'call me', 'ring me', 'call back'))],
  [
    'cancel',
    like('(?<!\\p{L}|не )отмен', word('аннулир', 'не приду', 'cancel'), 'не (?:с?могу|получится) прийти', '(?:удали|сними)\\p{L}* .*запис'),
  ],
  [
    'move',
    like(
      '(?<!\\p{L}|не )перен[ео]с',
      word('перенест', 'перезапи', 'сдвин', 'передвин', 'reschedul', 'move my', 'move it', 'move the', 'change my'),
      'помен\\p{L}+ (?:время|день|запись)',
    ),
  ],
  [
    'own',
    like(
      'мо[ияюейх]+ (?:\\p{L}+ )?запис',
      'когда (?:я (?:\\p{L}+ )?запис|у меня)',
      'на когда я',
      '(?:я|у меня) (?:(?:ли|есть|уже|сейчас) ){0,2}(?:записан|запис[ьи](?!\\p{L}))',
      'покаж\\p{L}* (?:\\p{L}+ )?запис[ьи](?!\\p{L})',
      'записан[аы]? ли',
      'my (?:next )?(?:appointment|booking)',
      '(?:appointments?|bookings?) do i have|(?:do i|i) have (?:an|any) (?:appointment|booking)',
      'when am i',
      'when is my',
    ),
  ],
  [
    'price',
    like(word('сколько (?:\\p{L}+ ){0,2}(?:сто|буд|выйд)', 'скок', 'цен[аыуе]', 'стоимост', 'почем', 'почём', 'how much', 'price', 'cost')),
  ],
  [
    'services',
    like(
      word(
        'услуг',
        'продукт',
        'ассортимент',
        'прайс',
        'что (?:вы )?(?:делаете|умеете|предлагаете)',
        'чем занимаетесь',
        'services',
        'what do you (?:do|offer)',
      ),
    ),
  ],
  [
    'employees',
    like(
      '(?:какие|кто|список|есть) (?:\\p{L}+ )?(?:мастер|специалист|парикмахер)',
      'кто (?:у вас )?(?:стриж|работа|дела|красит)',
      'who (?:works|does|cuts)',
    ),
  ],
  [
    'address',
    like(
      word(
        'адрес',
        'где вы',
        'где наход',
        'как (?:до вас |к вам )?(?:добраться|проехать|доехать|найти)',
        'вы где',
        'address',
        'where are you',
        'how do i get',
      ),
    ),
  ],
  [
    'hours',
    like(
      'режим работ',
      'график',
      'час\\p{L}* работ',
      'до скольк',
      '(?:во сколько|когда) (?:вы )?(?:откры|закры|работа)',
      '(?:вы )?работаете',
      'opening hours',
      'are you open',
      '(?:when|what time) do you (?:open|close)',
    ),
  ],
  [
    'phone',
    like(
      'ваш\\p{L}* (?:номер|телефон)',
      '(?:номер|телефон)\\p{L}* (?:салона|у вас)',
      'какой у вас (?:номер|телефон)',
      'your (?:phone|number)',
    ),
  ],
  [
    'book',
    like(
      word(
        'запис',
        'запиш',
        'хочу',
        'хотел',
        'можно',
        'свободн',
        'окошк',
        'окна',
        'время',
        'мест',
        'book',
        'appointment',
        'free',
        'available',
        'slot',
        'time',
      ),
    ),
  ],
  [
    'rude',
    like(word('дур', 'идиот', 'туп[оыаи]', 'хер', 'ху[йеё]', 'бля', 'пизд', 'сука', 'мудак', 'говн', 'fuck', 'shit', 'stupid', 'idiot')),
  ],
  ['thanks', like(word('спасибо', 'благодар', 'спс', 'thank', 'thx'))],
  ['bye', like(word('до свидан', 'пока(?!\\p{L})', 'до встреч', 'всего (?:хорош|доброг)', 'до завтра$', 'bye', 'see you'))],
  [
    'greeting',
    like(
      word(
        'здравств',
        'здрасьт',
        'привет',
        'добр(?:ый|ое|ого) (?:день|утро|вечер|дня|времени)',
        'доброго',
        'hello',
        'hi(?!\\p{L})',
        'good (?:morning|day|afternoon|evening)',
      ),
    ),
  ],
];
/** Facts of the company that a text asks for. */
export const factsIn = (text: string): readonly ('address' | 'hours' | 'phone')[] =>
  (['address', 'hours', 'phone'] as const).filter((fact) => cues.some(([wish, cue]) => wish === fact && cue.test(text)));
export const wishIn = (text: string): Wish => cues.find(([, cue]) => cue.test(text))?.[0] ?? 'other';

const numbers =
  'час|од[ин]|два|две|двух|три|трех|трёх|четыр|пят[ьи]|шест[ьи]|сем[ьи]|вос[ье]м|девят[ьи]|десят[ьи]|одиннадцат|двенадцат|тринадцат|четырнадцат|пятнадцат|шестнадцат|семнадцат|восемнадцат|девятнадцат|двадцат';
const englishNumbers = 'one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve';
const dayCue = like(
  word(
    'сегодня',
    'завтр',
    'послезавтр',
    'пон[еи]дел',
    'вторни',
    'сред[ауые](?!\\p{L})',
    'четвер[гк]',
    'пятни',
    'суб+от',
    'воскрес',
    'выходн',
    'числ',
    'через ',
    'спустя',
    '(?:пн|вт|ср|чт|пт|сб|вс)(?!\\p{L})',
  ),
  'ближайш\\p{L}+ (?:время|дн)',
  'недел[еиюя]',
  'месяц',
  '(?:янв|фев|мар|апр|ма[йя]|июн|июл|авг|сент|окт|ноя|дек)\\p{L}*(?= |$|[.,!?])(?<=\\d\\p{L}*\\s?\\p{L}+|\\p{L}ого \\p{L}+|в \\p{L}+)',
  '(?<!\\d)\\d{1,2}[./]\\d{1,2}(?!\\d)',
  '\\d{4}-\\d\\d-\\d\\d',
  '\\d-?(?:го|ого|е|ое|st|nd|rd|th)(?!\\p{L})',
  '\\p{L}{2,}(?:надцат|вадцат|ридцат|ерв|тор|рет|тверт|ят|ест|едьм|осьм)(?:ого|ьего)',
  word(
    'today',
    'tonight',
    'tomor',
    '(?:mon|tues|wednes|thurs|fri|satur|sun)day',
    'weekend',
    'week',
    'as soon as',
    'soonest',
    'in \\p{L}+ (?:day|week|month)',
    'jan',
    'feb',
    'apr',
    'aug',
    'sept',
    'octo',
    'nov',
    'dec',
  ),
);
const exactCue = like(
  '(?<![\\d.])\\d{1,2}[:.]\\d{2}(?!\\.?\\d)',
  `(?<!\\p{L})(?:в|к|at|at around) (?:\\d{1,2}(?![\\d.:/-])(?! (?:числ|день|дня|дней))|пол(?!\\p{L}*ност)|${numbers}|${englishNumbers})`,
  '\\d ?(?:am|pm|час|ч)(?!\\p{L})',
);
const clockCue = like(
  exactCue.source,
  `(?<!\\p{L})(?:после|до|с|не раньше|не позже|after|before|from|by) (?:\\d{1,2}|пол|обед|работ|${numbers}|${englishNumbers})`,
  word('утр', 'вечер', 'днем', 'днём', 'обед', 'morning', 'evening', 'afternoon', 'noon'),
);
/** The words name a day, as far as a glance can tell: the tool decides. */
export const namesDay = (text: string): boolean => dayCue.test(courtesyOut(text));
export const namesTime = (text: string): boolean => clockCue.test(courtesyOut(text));
/** One time, not a part of the day. */
export const namesExactTime = (text: string): boolean => exactCue.test(text);
const courtesyOut = (text: string) =>
  text.replace(/(?:добр\p{L}+|хорошего|good) (?:день|дня|утро|утра|вечер|вечера|morning|afternoon|evening)/giu, '');

/** `первое`, `последнее`, `любое`, `the second one`: the index of an option, from 0; -1 is the last. */
export function optionIn(text: string): number | null {
  const short = text.trim();
  if (short.length > 60) return null;
  const at = options.findIndex((option) => option.test(short));
  return at < 0 ? null : at === options.length - 1 ? -1 : at;
}
const option = (...stems: string[]) => like(word(...stems.map((stem) => `${stem}(?!\\p{L})`)));
const options: readonly RegExp[] = [
  option(
    'перв(?:ое|ый|ую|ая)',
    'люб(?:ое|ой)',
    'самое раннее',
    'раньше всех',
    'ближайшее',
    'без разницы',
    'all the same',
    'first',
    'any',
    'earliest',
  ),
  option('втор(?:ое|ой|ую|ая)', 'second'),
  option('трет(?:ье|ий|ью|ья)', 'third'),
  option('четв[её]рт(?:ое|ый|ую)', 'fourth'),
  option('последн(?:ее|ий|юю)', 'last'),
];

/** A phone as written. */
export const phoneIn = (text: string): string | null => /(?<!\d)\+?\d[\d\s().-]{8,17}\d(?!\d)/.exec(text)?.[0] ?? null;

const fillers =
  /(?<!\p{L})(?:здравствуйте|привет|добрый|день|вечер|hello|hi|меня зовут|мое имя|моё имя|зовут|меня|имя|это|я|мой|телефон|номер|тел|спасибо|пожалуйста|конечно|хорошо|thanks|thank you|please|sure|my name is|i am|im|i'm|this is|name|phone|number|and|и|вот|да|yes|my)(?!\p{L})/giu;
/** A name in the reply to the question for it; null for anything else than one to three words. */
export function nameIn(text: string): string | null {
  if (text.includes('?')) return null;
  const phone = phoneIn(text);
  const rest = (phone === null ? text : text.replace(phone, ' '))
    .replace(fillers, ' ')
    .replace(/[^\p{L}\s'’-]/gu, ' ')
    .trim();
  const words = rest.split(/\s+/).filter(Boolean);
  if (words.length === 0 || words.length > 3 || rest.length > 60 || words.some((each) => each.length < 2)) return null;
  return words.map((each) => each[0]?.toUpperCase() + each.slice(1)).join(' ');
}
/** A name, in capitals as names are, that was not asked for and comes with a phone; null for a shared contact, whose name is its owner's. */
export function nameBesidePhoneIn(text: string): string | null {
  if (phoneIn(text) === null || sharesContact(text)) return null;
  const name = nameIn(text);
  return name !== null && text.includes(name) ? name : null;
}
/** The text is a contact that was shared. */
export const sharesContact = (text: string): boolean => text.startsWith('Контакт: ');
/** The master that `к Марии` or `to Maria` names. */
export function masterIn(text: string): string | null {
  const [, name] = /(?:^|\s)(?:к|ко|у|with|to)\s+(?:мастеру\s+)?(\p{Lu}\p{Ll}{2,})/u.exec(text) ?? [];
  return name ?? null;
}
