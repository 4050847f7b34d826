/**
 * Acts that a sentence speaks of: what was done (`done`) or is about to be done (`coming`) for the customer.
 *
 * - stem: of a verb, before the ending of its tense
 * - needs: what the clause must contain beside a verb of many uses («сделала *запись*»)
 */
import { cyrillicClause } from './normal-form.ts';

export type ActKind = 'booked' | 'moved' | 'cancelled' | 'called' | 'passed_on' | 'noted' | 'checked' | 'prepared';
export interface Act {
  readonly kind: ActKind;
  readonly when: 'done' | 'coming';
  /** Position of its first word in the clause. */
  readonly at: number;
  /** A state («вы записаны»), not an event: an appointment that exists supports it. */
  readonly isState?: boolean;
}

const word = (stems: string, endings: string): string => `(?<![\\p{L}\\d-])(?:${stems})(?:${endings})(?![\\p{L}\\d-])`;
const you = 'вас|вами|тобой|тебя|вам|тебе|ваш\\p{L}*|тво\\p{L}+';
export const when =
  '(?:понедельник\\p{L}*|вторник\\p{L}*|сред[уыае]|четверг\\p{L}*|пятниц\\p{L}+|суббот\\p{L}+|воскресень\\p{L}+|пн|вт|ср|чт|пт|сб|вс|сегодня|завтра\\p{L}*|послезавтра|утром|вечером|днем|полд(?:ень|ню)|числа|час(?:а|ов|ам|у)?|(?:янва|февра|март|апрел|ма[йя]|июн|июл|август|сентябр|октябр|ноябр|декабр)\\p{L}*|\\d{1,2}(?: \\d\\d)?)';
const booking = `${you}|запис[ьи]\\p{L}*|брон[ьи]\\p{L}*|визит\\p{L}*|прием\\p{L}*|врем\\p{L}+|мест\\p{L}+|слот\\p{L}*|окошк\\p{L}*|окно|сеанс\\p{L}*|календар\\p{L}*|расписани\\p{L}*|график\\p{L}*|журнал\\p{L}*|процедур\\p{L}*|услуг\\p{L}*|стрижк\\p{L}*|маникюр\\p{L}*|все|сейчас|${when}`;
const staff =
  '(?:менеджер|администратор|админ|мастер|коллег|сотрудник|специалист|оператор|руководител|директор|начальник|управляющ|хозяйк|владел|консультант|врач|доктор|стилист|барбер|косметолог|парикмахер|ресепш|поддержк|команд|смен|салон|студи|стойк|девочк|девушк|руководств|начальств|шеф|главн|ассистент|сменщик|бухгалтер|стоматолог|ортодонт|терапевт|ветеринар|тренер|инструктор|фотограф|массажист|юрист|хозяин|персонал|дежурн|наставник|ответственн)\\p{L}*';
const visit = '(?:запись|бронь|бронирование|визит|прием|оформление|сеанс|урок|занятие|тренировка|стрижка|массаж|осмотр|встреча)';
const notes =
  'номер\\p{L}*|имя|телефон\\p{L}*|пожелани\\p{L}*|комментари\\p{L}*|контакт\\p{L}*|данные|заметк\\p{L}*|карточк\\p{L}*|примечани\\p{L}*|себе';
const requests = `заявк\\p{L}*|запрос\\p{L}*|сообщени\\p{L}*|пожелани\\p{L}*|обращени\\p{L}*|вопрос\\p{L}*|просьб\\p{L}*|жалоб\\p{L}*|информаци\\p{L}*|данные|контакт\\p{L}*|номер\\p{L}*|карточк\\p{L}*`;

/** Past in all genders, first and third person of the future and the present, short and long participles. */
const past = (vowel: string, consonant = '', back = ''): string =>
  [word(vowel, `л(?:[аои])?${back}`), ...(consonant ? [word(consonant, `(?:л[аои])?${back}`)] : [])].join('|');
/** Of verbs that the assistant does with «-ся» too: «связалась», «договорились»; elsewhere such a verb has another subject. */
const pastBack = (vowel: string, consonant = ''): string => past(vowel, consonant, '(?:с[яь])?');
const person = '(?:у|ю|ем|им|ет|ит|ут|ют|ят|ат)';
const coming = (stems: string): string => word(stems, person);
const comingBack = (stems: string): string => word(stems, `${person}(?:с[яь])?`);
const participle = (stems: string): string => word(stems, '|а|о|ы|ным|ной');

interface Row {
  readonly kind: ActKind;
  readonly past?: string;
  readonly coming?: string;
  readonly participle?: string;
  readonly needs?: string;
}
const verbs: readonly Row[] = [
  {
    kind: 'noted',
    past: past('записа|отмети|сохрани|добави|зафиксирова|указа|помети', 'внес|занес'),
    participle: participle('записан|отмечен|сохранен|добавлен|внесен|занесен|зафиксирован|учтен'),
    needs: notes,
  },
  { kind: 'noted', coming: coming('отмеч|сохран|помеч|учт|внес|добавл|укаж'), needs: notes },
  {
    kind: 'booked',
    past: pastBack('записа|вписа|забронирова|зарезервирова|застолби|пристрои|воткну|втисну'),
    coming: coming('запиш|впиш|заброниру|зарезервиру|застолбл|пристро|втисн'),
    participle: participle('записан|вписан|забронирован|зарезервирован|застолблен|пристроен'),
  },
  {
    kind: 'booked',
    coming: coming('записыва|вписыва|брониру|резервиру|оформля|закрепля|ставл|внош|занош|созда'),
    needs: `${you}|запись|бронь|визит|прием`,
  },
  {
    kind: 'booked',
    past: past(
      'оформи|закрепи|постави|назначи|зафиксирова|созда|сдела|добави|подтверди|запланирова|выдели|организова|включи|устрои|придержа|приберег|заня|остави|отложи|держа|заве',
      'внес|занес',
    ),
    coming: `${coming('оформл|закрепл|поставл|назнач|зафиксиру|создад|сдела|добавл|подтверж|запланиру|выдел|организу|придерж|держ|оставл|внес|занес|завед')}|${word('устро', 'ю|им')}`,
    participle: participle(
      'оформлен|закреплен|поставлен|назначен|зафиксирован|создан|сделан|добавлен|подтвержден|запланирован|выделен|внесен|занесен|включен|определен|учтен|заведен|устроен|согласован|утвержден|придержан|отложен|зарегистрирован|размещен|проведен',
    ),
    needs: booking,
  },
  {
    kind: 'moved',
    past: pastBack('передвину|сдвину|перезаписа|перебронирова|переназначи|перестави|перекину', 'перенес'),
    coming: coming('перенес|передвин|сдвин|перезапиш|переброниру|переназнач|переставл|перекин'),
    participle: participle('перенесен|передвинут|сдвинут|перезаписан|перебронирован|переназначен|переставлен'),
  },
  { kind: 'moved', coming: coming('перенош|перенос|сдвига|передвига|перезаписыва'), needs: `${you}|запись|бронь|визит|прием` },
  {
    kind: 'moved',
    past: past('измени|обнови|исправи|смести|скорректирова|поменя|замени|поправи'),
    coming: `${coming('обновл|исправл|смещ|скорректиру|поменя')}|${word('измен|замен', 'ю|им|ит|ят')}`,
    participle: participle('изменен|обновлен|исправлен|смещен|скорректирован|заменен|поменян'),
    needs: booking,
  },
  {
    kind: 'cancelled',
    past: pastBack('отмени|аннулирова'),
    coming: `${coming('аннулиру')}|${word('отмен', 'ю|им|ит|ят')}`,
    participle: participle('отменен|аннулирован'),
  },
  { kind: 'cancelled', coming: coming('отменя|снима|удаля|убира|вычеркива'), needs: `${you}|запись|бронь|визит|прием` },
  {
    kind: 'cancelled',
    past: past('сня|удали|убра|сброси|освободи|закры|вычеркну|выписа|отказа', 'стер'),
    coming: coming('сним|удал|убер|сброш|освобож|вычеркн|закро'),
    participle: participle('снят|удален|убран|сброшен|вычеркнут|стерт|освобожден'),
    needs: `${you}|запис[ьи]\\p{L}*|брон[ьи]\\p{L}*|визит\\p{L}*|прием\\p{L}*|слот\\p{L}*|сеанс\\p{L}*|окошк\\p{L}*`,
  },
  {
    kind: 'called',
    past: pastBack('позвони|дозвони|созвони|перезвони|набра|набира|связа|звони|переговори|обзвони|прозвони|вызвони'),
    coming: `${comingBack('позвон|перезвон|созвон|дозвон|набер|свяж')}|${word('звон|набира|связыва|дозванива', '(?:ю|им|ем|ит|ет)(?:с[яь])?')}`,
  },
  { kind: 'called', participle: participle('заказан|запланирован|поставлен|оформлен|назначен|принят|создан'), needs: 'звон(?:ок|ка)' },
  {
    kind: 'passed_on',
    past: past('переда|перенаправи|пересла|доложи|оповести|уведоми|предупреди|переадресова|извести'),
    coming: `${coming('переда|перешл|перенаправл|долож|оповещ|уведомл|предупреж')}|${word('переда', 'м|дим|дут|ст')}`,
    participle: participle('передан|переслан|перенаправлен|уведомлен|предупрежден|оповещен|переадресован'),
  },
  {
    kind: 'passed_on',
    past: past(
      'отправи|направи|сообщи|написа|сказа|попроси|позва|подключи|пригласи|вызва|переключи|постави|остави|созда|оформи|зарегистрирова|подня|переве|заве|дове',
      'принес',
    ),
    participle: participle('отправлен|направлен|подключен|поставлен|создан|зарегистрирован|принят|оформлен|вызван|приглашен|доведен|взят'),
    needs: `${staff}|${requests}|в известность|до сведения`,
  },
  {
    kind: 'checked',
    past: pastBack('уточни|выясни|согласова|переспроси|посоветова|посовеща'),
    participle: participle('уточнен|выяснен'),
  },
  {
    kind: 'prepared',
    past: past('подготови|приготови|состави|сформирова|собра|предложи'),
    participle: participle('подготовлен|приготовлен|составлен|сформирован|предложен'),
    needs: 'запис[ьи]|бронь|бронирование|перенос|отмен[ау]|заявк\\p{L}',
  },
  { kind: 'checked', past: pastBack('договори|услови|списа'), needs: 'со? \\p{L}+' },
  {
    kind: 'checked',
    past: pastBack('провери|узна|спроси|обсуди|посмотре|свери|выслуша|справи|получи|говори|поговори'),
    needs: `${staff}|по телефону|у (?!вас|нас|меня)\\p{L}+`,
  },
];
/** Verbs of what the answer puts off; each is a promise. */
const postponing: readonly Row[] = [
  {
    kind: 'checked',
    coming: comingBack(
      'узна|уточн|уточня|провер|проверя|спрош|спрашива|переспрош|посоветуюс|посоветуе|посмотр|глян|погляж|верн|сообщ|отпиш|напиш|отправл|вышл|пришл|напомн|разбер|свер|согласу|выясн|выясня|обращ|попрош|рассмотр|обработа|поищ|перепровер|поговор|обсуж|подним|посодейству|отпис|черкн|маякн',
    ),
  },
  { kind: 'passed_on', coming: coming('подключ|подключа|позов|перевед|перевож|переключ|переключа|вызов|передоверя') },
  { kind: 'checked', coming: coming('отвеч'), needs: 'позже|скоро|чуть|через|сегодня|завтра|в течение|попозже|потом|сам\\p{L}*' },
  { kind: 'passed_on', coming: coming('ответ|увид|помог|подскаж'), needs: staff },
];

const idioms: readonly (readonly [kind: ActKind, when: Act['when'], pattern: string, isState?: boolean])[] = [
  [
    'booked',
    'done',
    `(?:место|врем\\p{L}+|слот|окно|окошко|час|дата|${when}) (?:теперь |уже |точно |остается |полностью |и )*(?:за (?:вами|тобой)|ваш[еа]?|твое)(?! врем| имя| дат| врач| мастер| выбор)`,
    true,
  ],
  ['booked', 'done', `(?:за|для) (?:вами|тобой|вас) (?:место|время|слот|окошко|окно|${when}|забито|занято|держат|оставлено)`, true],
  [
    'booked',
    'done',
    '(?:вы|тебя|вас|ты|имя|фамилия)(?: \\p{L}+){0,3} в (?:списке|списках|расписании|календаре|графике|журнале|базе записи|записи|сетке|плане)',
    true,
  ],
  [
    'booked',
    'done',
    `(?:жд(?:ем|у|ет|ут)|будет ждать|будем ждать|ожида(?:ем|ет)|встретит|встретим|примет|примем|рады (?:видеть|встретить))(?: \\p{L}+){0,4} (?:в |во |к |на |с )?${when}`,
  ],
  [
    'booked',
    'done',
    `(?:до встречи|увидимся|до скорого|встречаемся|приходите|подходите|приезжайте|подъезжайте|можете (?:при|под)\\p{L}+)(?: \\p{L}+){0,3} ${when}$`,
  ],
  ['booked', 'done', `^(?:и |ну |все |тогда |итак )*до ${when}$`],
  ['booked', 'done', `(?:приходите|подходите|приезжайте|подъезжайте)(?: \\p{L}+){0,3} (?:в|во|к|на|ко) ${when}`],
  ['booked', 'done', `${staff}(?: уже)? (?:(?:вас|тебя) )?(?:ждет|ожидает|готов\\p{L}* принять|знает о вашем)(?: (?:вас|тебя|визите))?$`],
  [
    'booked',
    'done',
    '(?:ваш[аеу]?|вас|твоя) (?:новая )?(?:запись|бронь|визит|прием|бронирование)(?: \\p{L}+){0,2} (?:есть|активн[аоы]|в силе|действу\\p{L}+|готов[аоы]?|состоял\\p{L}+|прошл?[аои]?|успешн\\p{L}+|подтвержд\\p{L}+|на месте|стоит|появил\\p{L}+|за вами)',
    true,
  ],
  [
    'booked',
    'done',
    '(?:запись|бронь|бронирование|визит|прием) (?:уже |теперь |полностью |точно |прошл?[аои]? |прошла )*(?:активн[аоы]|в силе|действует|готов[аоы]?|успешн\\p{L}+|состоял\\p{L}+|за вами|ваша|есть$|стоит|появил\\p{L}+|в системе|в календаре|в базе|в расписании|на месте|у нас)',
    true,
  ],
  [
    'booked',
    'done',
    `(?:у вас|у тебя|вас ждет|вам назначен\\p{L}*)(?: \\p{L}+){0,2} (?:запись|визит|прием|бронь|сеанс)(?: \\p{L}+){0,5} ${when}`,
    true,
  ],
  ['booked', 'done', `ваш[аеу]? (?:запись|визит|прием|бронь|сеанс|встреча)(?: \\p{L}+){0,3}(?: на| в| во)? ${when}`, true],
  ['booked', 'done', 'осталось (?:только |лишь |просто )*(?:прийти|приехать|дождаться|не опоздать)'],
  [
    'booked',
    'done',
    `(?:вы|ты|вас|тебя)(?: \\p{L}+){0,2} (?:у нас|с нами|в группе|в очереди|в программе|в листе|в команде|в деле|на учете)(?: \\p{L}+){0,2}(?: на| в| во)? ${when}`,
    true,
  ],
  ['booked', 'done', '(?:вы|ты) (?:уже |теперь |точно )*(?:в группе|в листе|в очереди|в деле)$', true],
  [
    'booked',
    'done',
    `${when}(?: \\p{L}+){0,3} (?:вас|тебя)(?: \\p{L}+){0,2} (?:жд(?:ет|ем|ут)|будут ждать|будет ждать|будем ждать|примет|примут|примем|встретит|встретят|ожида(?:ет|ют|ем))`,
  ],
  [
    'booked',
    'done',
    `(?:вас|тебя)(?: \\p{L}+){0,2} (?:жд(?:ет|ем|ут)|будут ждать|будет ждать|будем ждать|примет|примут|примем|встретит|встретят|ожида(?:ет|ют|ем))(?: \\p{L}+){0,3} ${when}`,
  ],
  ['booked', 'done', `(?:вы|ты) (?:идете|едете|придете|приходите|посещаете|попадаете|попали|идешь)(?: \\p{L}+){0,3} ${when}`],
  ['booked', 'done', '^(?:все |да |итак )*подтверждаю(?: (?:вашу|ваш|вам|бронь|запись|визит|прием|время|дату|место)(?: \\p{L}+)*)?$'],
  [
    'booked',
    'done',
    '(?<!не )(?:удалось|получилось|вышло|смогл?[аи]?|сумел[аи]?|успел[аи]?)(?: \\p{L}+){0,3} (?!найти|подобрать|понять|увидеть|посмотреть|помочь|ответить)\\p{L}{3,}(?:ть|ти)(?:ся)?(?!\\p{L})',
  ],
  [
    'passed_on',
    'done',
    '(?<!(?:вы|ты|как|кто)(?: \\p{L}+){0,2} )(?:сказал|ответил|подтвердил|согласил|разрешил|пообещал|обещал|одобрил|попросил|велел|посоветовал|просил|заверил|дал добро)[аио]?(?:сь|ся)?(?!\\p{L})',
  ],
  [
    'passed_on',
    'done',
    `${staff}(?: \\p{L}+){0,2} (?:уже изуча\\p{L}+|проверя\\p{L}+|ищ\\p{L}+|уточня\\p{L}+|уже смотр[ия]т|обрабатыва\\p{L}+|работа\\p{L}+ над)`,
  ],
  [
    'booked',
    'done',
    `${visit}(?: (?!не(?!\\p{L})|никто|вам(?!\\p{L})|вы(?!\\p{L}))\\p{L}+){0,2} (?!был|оказал|стал|бывал|пропал|слетел|сорвал|заня|нача|законч|заверш)\\p{L}{2,}[аеиоуыяш]л[ао]?(?:сь|ся)?(?!\\p{L})`,
    true,
  ],
  [
    'passed_on',
    'done',
    '(?:заявка|запрос|вопрос|просьба|обращение|сообщение|жалоба|пожелание|претензия|замечание|отзыв)(?: (?!не(?!\\p{L})|никто|вы(?!\\p{L}))\\p{L}+){0,2} (?!был|оказал|стал|бывал|пропал)\\p{L}{2,}[аеиоуыяш]л[ао]?(?:сь|ся)?(?!\\p{L})',
  ],
  ['booked', 'done', '^(?:и |теперь |уже |так что )*(?:оно|это|она|он|все) (?:теперь |уже |точно )?(?:ваш[еа]?|за вами)$'],
  ['booked', 'done', '(?:^|\\s)(?:все|наконец) (?:\\p{L}+ )?\\p{L}{3,}лось(?!\\p{L})|готово дело|дело в шляпе'],
  ['booked', 'done', 'с (?:успешн\\p{L}+ )?(?:записью|бронью|бронированием)(?!\\p{L})'],
  ['booked', 'done', '(?:занят|оставлен|придержан)[оаы]? (?:вами|за вами|для вас|под вас)'],
  [
    'passed_on',
    'done',
    '(?:рассказа|объясни|сказа|написа|сообщи|ответи)л[аи]? (?:об? этом )?(?!вам|тебе|эту|одну|другую)\\p{L}{2,}(?:[ую]|ам|ям|ой|ей)(?!\\p{L})',
  ],
  ['checked', 'done', '\\p{L}{3,}л(?:ась|ся|ись) со? (?!вами|тобой)\\p{L}+(?:[оея]м|[оеё]й|[ая]ми)(?!\\p{L})'],
  ['booked', 'done', '(?:номер|код) ваш(?:ей|его) (?:записи|брони|бронирования|визита|подтверждения)'],
  ['booked', 'done', `(?<!как )(?:договорились|заметано|решено|по рукам|условились)(?: \\p{L}+){0,4} ${when}`],
  [
    'booked',
    'done',
    '^(?:ну |и |ура |итак |вот и )?(?:все |уже |теперь )*(?:готово|сделано|сделал[аи]?|оформлено|улажено|устроено|решено|заметано|получилось|выполнено|дело сделано|есть|оформил[аи]?|записано)(?: все)?(?: для вас)?(?: успешно)?$',
  ],
  [
    'booked',
    'done',
    '(?:дело сделано|вопрос (?:решен|закрыт|улажен)|все (?:уже )?(?:оформлено|сделано|улажено|устроено|готово|решено|прошло успешно)|(?:сделала?|устроила?|организовала?) все|все (?:сделала?|устроила?|организовала?))',
  ],
  ['moved', 'done', `(?:теперь|отныне) (?:вы|вас|ваш\\p{L}*|запись|визит|прием|жд(?:ем|ет|ут) вас)(?: \\p{L}+){0,4} ${when}`],
  ['moved', 'done', `(?:запись|визит|прием|бронь) (?:теперь|переехал[аи]?|перешл?[аи]|уехал[аи]?)(?: \\p{L}+){0,3}`],
  [
    'moved',
    'done',
    '(?:перенос|замена|изменение|изменения|смена времени|перезапись)(?: \\p{L}+){0,2} (?:выполнен\\p{L}*|прошл?[аои]?|оформлен\\p{L}*|сделан\\p{L}*|готов\\p{L}*|внесен\\p{L}*|сохранен\\p{L}*|подтвержден\\p{L}*|состоял\\p{L}+|успеш\\p{L}+|удал\\p{L}+)',
  ],
  [
    'cancelled',
    'done',
    '(?:больше|уже)(?: \\p{L}+){0,3} (?:не (?:записан\\p{L}*|числ\\p{L}+|жд\\p{L}+|стоит|значит\\p{L}*|действует|актив\\p{L}+|существует)|нет (?:вашей )?(?:записи|брони))',
  ],
  ['cancelled', 'done', '(?:записи|брони|визита)(?: на \\p{L}+)? (?:больше|уже) (?:нет|не)'],
  [
    'cancelled',
    'done',
    '(?:отмена|снятие|удаление)(?: \\p{L}+){0,2} (?:прошл?[аои]?|выполнен\\p{L}*|оформлен\\p{L}*|подтвержден\\p{L}*|готов\\p{L}*|сделан\\p{L}*|состоял\\p{L}+|успеш\\p{L}+)',
  ],
  [
    'passed_on',
    'done',
    `${staff}(?: \\p{L}+){0,2} (?:в курсе|знает|знают|видит|видят|получил[аи]?|подтвердил[аи]?|соглас(?:ен|на|ны|ился|илась)|не против|сказал[аи]?|ответил[аи]?|разрешил[аи]?|взял[аи]?|занимается|занимаются|рассматрива\\p{L}+|проверил[аи]?|одобрил[аи]?|дал[аи]? добро|пообещал[аи]?)`,
  ],
  [
    'passed_on',
    'done',
    '(?:заявка|запрос|вопрос|просьба|обращение|сообщение|жалоба|пожелание)(?: \\p{L}+){0,2} (?:уже )?(?:у (?!вас|меня)\\p{L}+|в работе|в обработке|уш(?:ел|ла|ло)|на рассмотрении|дошл?[аои])',
  ],
  [
    'passed_on',
    'coming',
    `${staff} (?:(?:вам|вас|вами|с|скоро|сейчас|обязательно|уже|лично|сам\\p{L}*|в ближайшее время) )*(?:займется|займутся|рассмотр[ия]т|разбер[еу]т\\p{L}*|верн[еу]тся|реш[иа]т|подтверд[ия]т|уточн[ия]т|сообщ[ия]т|напиш[еу]т|подключ[ия]тся|прид[еу]т|увид[ия]т|помо(?:жет|гут))`,
  ],
  [
    'checked',
    'coming',
    '^(?:так |одну |буквально |всего |дайте (?:мне )?|подождите |сейчас |пожалуйста |еще )*(?:(?:пару |одну |пол)?минут(?:у|ы|ку|очку|ки)?|секунд(?:у|ы|очку)|момент|мгновение|сек|пять минут)(?: пожалуйста| подождите| терпения)*$',
  ],
  [
    'checked',
    'coming',
    '(?<!\\p{L})(?:подождите|ожидайте|оставайтесь на связи|оставайтесь онлайн|не отключайтесь|не уходите|дайте мне (?:минут|секунд|врем|пару)\\p{L}*|потерпите|обождите)',
  ],
  [
    'checked',
    'coming',
    '(?:дам|дадим|дадут|даст)(?: вам)? (?:знать|ответ)|держать (?:вас )?в курсе|(?:скоро|сейчас|чуть позже|позже|сегодня|потом) (?:буду|будем) (?:с ответом|на связи|у вас)|(?:вернусь|вернемся|приду|отпишусь) (?:с|к)(?!\\p{L})',
  ],
  [
    'checked',
    'coming',
    '(?:постараюсь|постараемся|попробую|попробуем|обещаю|гарантирую|берусь|приступаю)(?: \\p{L}+){0,2} (?!помочь|ответить)\\p{L}+(?:ть|ти|чь)(?:ся)?',
  ],
  ['checked', 'coming', 'займ(?:усь|емся|ется|утся)(?!\\p{L})'],
  [
    'called',
    'coming',
    '(?:ждите|ожидайте)(?: \\p{L}+)? (?:звон(?:ок|ка)|обратного)|звонок (?:поступит|будет|придет|в течение)|будем звонить|буду звонить',
  ],
  [
    'booked',
    'coming',
    '(?:подтверждение|напоминание|смс|сообщение)(?: \\p{L}+){0,3} (?:придет|поступит|пришлем|пришлю|отправлено|получите)|(?:придет|поступит)(?: \\p{L}+){0,3} (?:подтверждение|напоминание|смс|сообщение)',
  ],
];

const english: readonly (readonly [kind: ActKind, when: Act['when'], pattern: string, isState?: boolean])[] = [
  [
    'moved',
    'done',
    '(?:rescheduled|re-?booked|(?:moved|shifted|pushed|switched|changed)(?: \\S+){0,3} (?:to|appointment|booking|visit|slot|time)|(?:appointment|booking|visit)(?: \\S+){0,3} (?:moved|changed|updated|shifted))',
  ],
  [
    'cancelled',
    'done',
    '(?:cancell?ed|called off|(?:removed|deleted)(?: \\S+){0,2} (?:appointment|booking|visit)|no longer (?:booked|have an appointment)|(?:cancellation)(?: \\S+){0,2} (?:complete|done|confirmed|went through))',
  ],
  [
    'booked',
    'done',
    '(?:booked|reserved|scheduled|secured|(?:signed|put|pencill?ed|fitted|squeezed|slotted|set) you|locked (?:it |you |that )?in|(?:appointment|booking|reservation|slot|visit|spot|place)(?: \\S+){0,3} (?:confirmed|set|made|created|yours|complete|in place|saved|held|in the calendar)|confirmed (?:your|the|it)|(?:made|created|arranged|added|placed)(?: \\S+){0,3} (?:appointment|booking|reservation|calendar|schedule))',
  ],
  [
    'booked',
    'done',
    "you(?:'re|r| are)(?: all| now| already| officially)* (?:set|booked|confirmed|scheduled|in|down for|good to go|on the (?:list|calendar|schedule)|registered|expected)(?! \\w+ing)",
    true,
  ],
  [
    'booked',
    'done',
    "^(?:it's |it is |that's |all |and |ok |okay |we're |everything is )*(?:done|sorted|all set|set|arranged|taken care of|good to go)$|everything(?:'s| is) (?:set|arranged|ready|sorted|confirmed)",
  ],
  [
    'booked',
    'done',
    '(?:see you|expecting you|waiting for you|looking forward to seeing you|come (?:in|by|over))(?: \\S+){0,2} (?:on|at|tomorrow|today|next|monday|tuesday|wednesday|thursday|friday|saturday|sunday)',
  ],
  ['called', 'done', "(?:i|we|i've|we've|have|just|manager|colleague)(?: \\S+)? (?:called|phoned|rang|spoke|spoken|talked)(?: \\S+)"],
  [
    'passed_on',
    'done',
    '(?:passed|forwarded|sent|relayed|handed|escalated|transferred)(?: \\S+){0,5} (?:to|on|over|along|manager|team|staff|colleague|operator|master)|(?:notified|informed|alerted|told|let|pinged)(?: \\S+){0,2} (?:manager|team|staff|colleagues?|stylist|master|operator|know)|(?:manager|team|staff|stylist|master|operator|colleague)(?: \\S+){0,2} (?:confirmed|agreed|notified|informed|aware|approved|said)',
  ],
  [
    'checked',
    'done',
    "(?:i|we|i've|we've|have|just) (?:just |already )?(?:checked|double-checked|asked|verified|confirmed|cleared|consulted)(?: \\S+){0,2} (?:with|manager|team|staff|stylist|master|colleague)",
  ],
  [
    'booked',
    'coming',
    "(?:i'll|i will|we'll|we will|i'm|i am|we're|let me|going to|gonna) (?:just |now |go ahead and |quickly |then )*(?:book|booking|reserve|reserving|schedule|scheduling|put you|get you (?:in|booked)|move|moving|reschedule|rescheduling|cancel|cancell?ing)",
  ],
  [
    'called',
    'coming',
    "(?:(?:i'll|i will|we'll|we will|will|manager|someone|colleague|team)(?: \\S+){0,2} (?:call|phone|ring|calling)(?: you| back)|(?:expect|you'll (?:get|receive)) a call)",
  ],
  [
    'checked',
    'coming',
    "(?:i'll|i will|we'll|we will|i'm|i am|we're|let me|going to|will)(?: just| now| quickly| go| and| be| go ahead and)* (?:get back|check|checking|find out|finding out|ask|asking|look into|looking into|verify|confirm|come back|follow up|update you|let you know|let (?:the|my|our) \\w+ know|remind|send|text|email|message|notify|pass|forward|transfer|connect|reach out|contact|speak|talk|see what|be in touch|be right back|double-check)",
  ],
  [
    'checked',
    'coming',
    '^(?:please |just |ok |okay |so )*(?:one (?:moment|second|sec|minute)|just a (?:moment|second|sec|minute)|a moment|hold on|hang on|bear with me|stand by|give me (?:a|one) (?:moment|second|sec|minute)|wait a (?:moment|second|minute))|(?:someone|manager|team|staff|colleague|specialist|operator)(?: \\S+)? (?:will|is going to|shall)(?: \\S+)? (?:contact|get|reply|respond|be|answer|write|reach|follow|handle|take|confirm|review)',
  ],
];

type Finder = (clause: string) => Act | null;
const finders: readonly Finder[] = [
  ...[...verbs, ...postponing].flatMap(finderOf),
  ...[...idioms, ...english].map(([kind, time, pattern, isState]) =>
    finder(new RegExp(`(?<![\\p{L}\\d])(?:${pattern})`, 'u'), null, { kind, when: time, ...(isState && { isState }) }),
  ),
];

function finderOf({ kind, needs, ...forms }: Row): readonly Finder[] {
  const needed = needs === undefined ? null : new RegExp(`(?<!\\p{L})(?:${needs})(?!\\p{L})`, 'u');
  const make = (form: string | undefined, act: Omit<Act, 'at'>) => (form === undefined ? [] : [finder(new RegExp(form, 'u'), needed, act)]);
  return [
    ...make(forms.past, { kind, when: 'done' }),
    ...make(forms.coming, { kind, when: 'coming' }),
    ...make(forms.participle, { kind, when: 'done', isState: kind === 'booked' }),
  ];
}

function finder(pattern: RegExp, needed: RegExp | null, act: Omit<Act, 'at'>): Finder {
  return (clause) => {
    const found = pattern.exec(clause);
    if (!found || (needed && !needed.test(clause))) return null;
    const isFuture = act.when === 'done' && /(?:^| )(?:буд(?:у|ем|ет|ут|ете)|will be)(?: \S+){0,2} ?$/.test(clause.slice(0, found.index));
    return { ...act, when: isFuture ? 'coming' : act.when, at: clause.slice(0, found.index).split(' ').length - 1 };
  };
}

/** @param clause in normal form. A note («записала ваш номер») is no booking. */
export function actsOf(clause: string): readonly Act[] {
  const spellings = [...new Set([clause, cyrillicClause(clause)])];
  const acts = spellings.flatMap((spelling) => finders.flatMap((find) => find(spelling) ?? []));
  return acts.some(({ kind }) => kind === 'noted') ? acts.filter(({ kind }) => kind !== 'booked') : acts;
}
