/** The meaning of a customer's words over the agent's speech. */

export type WordsVerdict =
  /** A backchannel: the customer only shows that they are listening. */
  | 'go_on'
  | 'stop'
  /** More words may follow. */
  | 'undecided';

const backchannels = new Set([
  ...['угу', 'ага', 'да', 'так', 'ну', 'м', 'мм', 'хм', 'мгм', 'ясно', 'понятно', 'понял', 'поняла', 'хорошо', 'ладно', 'верно', 'конечно'],
  ...['слушаю', 'алло', 'ок', 'окей', 'о', 'а', 'ой', 'yes', 'yeah', 'ok', 'okay', 'right', 'uh', 'huh', 'mhm', 'hmm', 'sure'],
]);
/** Praise, agreement and surprise, said without wanting to take the turn. */
const assents = new Set(
  `отлично супер здорово прекрасно замечательно класс круто чудесно правильно точно именно разумеется естественно безусловно интересно
   принято договорились спасибо благодарю great fine exactly thanks cool`.split(/\s+/),
);
/** Backchannels of several words, some of which mean more on their own. */
const phrases =
  /(^| )(вот как|вот оно что|вот это да|надо же|ничего себе|да ладно|да уж|ну да|(все|вас|я|я вас)? ?(понял|поняла|понятно|ясно|верно|правильно)|(я )?(вас )?(внимательно )?слушаю( вас)?|как интересно|i see|got it|go on)(?= |$)/g;
const stops = new Set([
  ...['стоп', 'стойте', 'стой', 'подождите', 'подожди', 'погодите', 'минуту', 'минутку', 'секунду', 'хватит', 'нет', 'неверно', 'не'],
  ...['остановитесь', 'помолчите', 'послушайте', 'stop', 'wait', 'no'],
]);
const questions = new Set([
  ...['что', 'кто', 'где', 'когда', 'почему', 'зачем', 'как', 'какой', 'какая', 'какие', 'сколько', 'куда', 'чей', 'можно', 'what', 'who'],
  ...['where', 'when', 'why', 'how', 'which'],
]);
/** Words that stop the agent even if barely audible. */
const hardStops = new Set(['стоп', 'стойте', 'стой', 'подождите', 'погодите', 'хватит', 'остановитесь', 'stop', 'wait']);
/** This many words are more than a backchannel. */
const manyWords = 3;

/** @param isFinal no more words will follow @param isFaint so quiet that they may be addressed to somebody else */
export function verdictOnWords(text: string, isFinal: boolean, isFaint = false): WordsVerdict {
  const words = spokenWords(text);
  if (words.length === 0) return 'undecided';
  if (isFaint) return words.some((word) => hardStops.has(word)) ? 'stop' : isFinal ? 'go_on' : 'undecided';
  const rest = spokenWords(words.join(' ').replace(phrases, ' '));
  if (rest.some((word) => stops.has(word)) || /\?\s*$/.test(text) || questions.has(rest[0] ?? '')) return 'stop';
  const content = rest.filter((word) => !backchannels.has(word) && !assents.has(word));
  if (content.length === 0) return isFinal ? 'go_on' : 'undecided';
  return isFinal || words.length >= manyWords ? 'stop' : 'undecided';
}

export const spokenWords = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .replaceAll('ё', 'е')
    .match(/[\p{L}\p{N}]+/gu) ?? [];
