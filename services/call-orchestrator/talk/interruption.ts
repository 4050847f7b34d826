/** What words mean that a customer says while the agent speaks. */

export type WordsVerdict =
  /** The customer only shows that they listen. */
  | 'go_on'
  | 'stop'
  /** More words may follow. */
  | 'undecided';

const backchannels = new Set([
  ...['угу', 'ага', 'да', 'так', 'ну', 'м', 'мм', 'хм', 'мгм', 'ясно', 'понятно', 'понял', 'поняла', 'хорошо', 'ладно', 'верно', 'конечно'],
  ...['слушаю', 'алло', 'ок', 'окей', 'о', 'а', 'ой', 'yes', 'yeah', 'ok', 'okay', 'right', 'uh', 'huh', 'mhm', 'hmm', 'sure'],
]);
const stops = new Set([
  ...['стоп', 'стойте', 'стой', 'подождите', 'подожди', 'погодите', 'минуту', 'минутку', 'секунду', 'хватит', 'нет', 'неверно', 'не'],
  ...['остановитесь', 'помолчите', 'послушайте', 'stop', 'wait', 'no'],
]);
const questions = new Set([
  ...['что', 'кто', 'где', 'когда', 'почему', 'зачем', 'как', 'какой', 'какая', 'какие', 'сколько', 'куда', 'чей', 'можно', 'what', 'who'],
  ...['where', 'when', 'why', 'how', 'which'],
]);
/** So many words are no sign of listening. */
const manyWords = 3;

/** @param isFinal no more words will follow */
export function verdictOnWords(text: string, isFinal: boolean): WordsVerdict {
  const words = spokenWords(text);
  if (words.length === 0) return 'undecided';
  if (words.some((word) => stops.has(word)) || /\?\s*$/.test(text) || questions.has(words[0] as string)) return 'stop';
  const content = words.filter((word) => !backchannels.has(word));
  if (content.length === 0) return isFinal ? 'go_on' : 'undecided';
  return isFinal || words.length >= manyWords ? 'stop' : 'undecided';
}

export const spokenWords = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .replaceAll('ё', 'е')
    .match(/[\p{L}\p{N}]+/gu) ?? [];
