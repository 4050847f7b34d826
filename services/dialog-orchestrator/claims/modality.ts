/** Whether a sentence only asks, offers, denies or supposes the act of one of its clauses. */
import type { Act } from './acts.ts';
import type { Sentence } from './normal-form.ts';

/** Where the act is: the part of the sentence, and the clause of the part. */
export interface Place {
  readonly sentence: Sentence;
  readonly part: number;
  readonly clause: string;
}

const whole = (words: string): RegExp => new RegExp(`(?<![\\p{L}\\p{N}])(?:${words})(?![\\p{L}\\p{N}])`, 'u');

/** Between «не» and its verb only words without a meaning of their own. */
const negation =
  /(?:^| )(?:не(?! только)|ни|нельзя|невозможно|не (?:удалось|получилось|успел[аи]?|могу|можем|стал[аи]?)|(?:have|has|had|do|did|does|is|are|was|were|will|would|can|could)n't|not(?! only)|never|cannot|won't)(?: (?:еще|пока|уже|вас|тебя|вам|ее|его|их|мне|был|была|было|были|буду|будем|будет|будут|сам|сама|никого|никуда|никому|ничего|никак|yet|been|be|actually|you|a|the|any))*$/u;
const unreal = whole(
  'может быть|могут быть|бы|чтобы|чтоб|будто|якобы|если(?! что(?: |$))|ежели|раз уж|прежде чем|до того как|перед тем как|вместо того|хотите|хочешь|хотели|желаете|можно|давайте|давай|предлагаю|if|unless|whether|would|could|should|may|might|want|shall|before|in order to|happy to|able to|can',
);
/** Marks a sentence that asks as a whole. */
const asking = whole(
  'ли|или|как|когда|где|куда|кто|кому|кого|что за|какой|какую|какое|какие|какая|сколько|почему|зачем|чем|хотите|хочешь|желаете|можно|могу|можем|может|нужно|надо|скажите|подскажите|напомните|правда|верно ли|do|does|did|would|could|should|can|shall|may|what|when|where|who|how|which|why|are you|is it|have you|or',
);
/** A part that asks for consent. */
const tag =
  /^(?:(?:и|а|это|так|вам|вас|все|всем|вы|тебе|тебя|вроде|is|it|that|this|does|all|are|you|for|work|works|sound|sounds) )*(?:хорошо|верно|правильно|да|так|не так ли|ок|окей|ладно|договорились|удобно|подходит|подойдет|устраивает|устроит|понятно|согласны|согласна|не против|верно ли|right|ok|okay|correct|good|fine|alright|agreed|you|works|isn't it|deal)(?: (?:вам|вас|так|время|you))?$/u;
const condition = whole(
  'если|когда|как только|после(?: того)?|при|сразу|стоит|тогда|достаточно|нужн\\p{L}*|потребу\\p{L}+|понадоб\\p{L}+|осталось|остается|только|и|а|if|when|once|after|as soon as|then|need\\p{L}*',
);
/** What the customer does: an imperative or a second person, their answer, their consent. */
const byCustomer = whole(
  '(?!подождите|извините|простите|ожидайте|потерпите|смотрите|знаете|видите|поймите|здравствуйте|минуточку|не )\\p{L}{3,}(?:[еи]те|йте|ишь|ешь)|нажати\\p{L}+|подтверждени\\p{L}+|согласи\\p{L}+|ответа|ваш(?:его|ему|ей) \\p{L}+|вам (?:подходит|подойдет|удобно)|вас (?:устраивает|устроит)|подойдет|устроит|удобно|имя|телефон|you \\p{L}+|your \\p{L}+|press|tap|click|confirm|choose|pick|send me|tell me|share|reply',
);
const unknown = whole("не (?:знаю|знаем|вижу|видно|уверен\\p{L}*|известно|понятно|могу сказать)|неизвестно|don't know|not sure");
const supposition = whole('если(?! что(?: |$))|if');
const atOnce = whole('сейчас|пока|уже|прямо|now|right away|meanwhile|right now');
const customerDid =
  /(?:^| )(?:вы|ты|клиент(?:ка|ки|ы)?|you)(?: (?:уже|сами|сам|сама|ранее|раньше|недавно|сегодня|вчера|только|что|нам|мне|его|ее|с|не|already|just|recently|have|had))*$/u;
const quoting = whole(
  '(?:вы|ты) (?:\\p{L}+ )?(?:сказа|говор|писал|пише|написа|упомян|указа|спрашива|спроси|проси|дума|счита|имели в виду|хоте|утвержда)\\p{L}*|you (?:said|wrote|mentioned|asked|say)',
);
const habitual = whole(
  'обычно|всегда|как правило|часто|иногда|каждый|каждую|по правилам|на месте|на приеме|перед процедурой|после процедуры|во время|при встрече|usually|always|normally|typically|often|every',
);
/** Of a slot that someone else took. */
const takenByOthers = whole(
  'друг(?:им|ой|ая|ого|ому|ими|ие|их)|кто-то|кем-то|кто то|кем то|увы|к сожалению|полностью|занят[аоы]?|заняли|занял[аи]?|fully|unfortunately|someone else|another|taken|sorry',
);

export function isHarmless(act: Act, place: Place): boolean {
  const { sentence, part, clause } = place;
  const before = clause.split(' ').slice(0, act.at).join(' ');
  const words = sentence.parts[part]?.words ?? '';
  if (negation.test(before) || unreal.test(clause) || startsUnreal(words, clause) || habitual.test(clause)) return true;
  if (sentence.isQuestion && isAsked(act, place)) return true;
  if (sentence.parts.slice(0, part).some((each) => quoting.test(each.words))) return true;
  if (isUnknown(place)) return true;
  if (act.when === 'coming') return isConditional(place);
  if (customerDid.test(before) && /(?:ли|л|ла|ed)$/u.test(clause.split(' ')[act.at] ?? '')) return true;
  return (
    act.kind === 'booked' &&
    takenByOthers.test(sentence.plain) &&
    !/(?<!\p{L})(?:вы|вас|вам|вами|ваш\p{L}*|you|your)(?!\p{L})/u.test(clause)
  );
}

/** A conjunction of supposition governs all clauses after it in its part: «чтобы я нашла и записала». */
function startsUnreal(words: string, clause: string): boolean {
  const before = words.slice(0, words.indexOf(clause));
  return /(?:^| )(?:чтобы|чтоб|если(?! что(?: |$))|if|unless|хотите|желаете|можете|можно)(?: |$)/u.test(before);
}

/** In «Записала вас, удобно?» the last part asks, and the first one says. */
function isAsked(act: Act, { sentence: { parts }, part }: Place): boolean {
  const last = parts.length - 1;
  const endsWithTag = last > 0 && tag.test(parts[last]?.words ?? '');
  if (endsWithTag && part < last) return act.when === 'coming';
  if (part === 0 && /^(?:я )?(?:уточню|уточняю|спрошу|переспрошу|проверю|напомню)$/u.test(parts[0]?.words ?? '')) return true;
  return part === last || asking.test(parts[0]?.words ?? '') || parts.slice(part + 1).some(({ words }) => /^(?:или|or) /u.test(words));
}

/** «Нажмите кнопку, и я запишу вас»: the customer's act comes first. */
function isConditional({ sentence: { parts }, part, clause }: Place): boolean {
  if (parts.some(({ words }) => supposition.test(words))) return true;
  if (atOnce.test(clause)) return false;
  const own = parts[part]?.words ?? '';
  const others = parts.filter((_, index) => index !== part).map(({ words }) => words);
  return (
    [...others, own.replace(clause, ' '), clause].some((words) => byCustomer.test(words)) &&
    [...others, own].some((words) => condition.test(words))
  );
}

/** «Я не знаю, когда он вернётся»: an indirect question. */
function isUnknown({ sentence: { parts }, part, clause }: Place): boolean {
  const asks = /^(?:и |а )?(?:когда|кто|что|где|как|куда|сколько|почему|какой|чем|if|whether|when|who)(?: |$)|(?:^| )ли(?: |$)/u.test(
    clause,
  );
  return asks && parts.slice(0, part + 1).some(({ words }) => unknown.test(words));
}
