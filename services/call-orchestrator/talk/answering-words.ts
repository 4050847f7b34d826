/** Who has answered an outbound call, by their first words. A network answers alike for a person, a mailbox and a program that screens calls. */
import { spokenWords } from './interruption.ts';

export type AnsweredInWords = 'human' | 'machine' | 'screening';

/** What mailboxes and networks of Russian carriers announce. */
const machine = [
  'оставьте (ваше |свое )?сообщение',
  '(после|дождитесь) (звукового |длинного )?сигнала',
  'автоответчик',
  'голосов\\S+ почт',
  'абонент\\S* .*(не отвечает|недоступен|не может|не зарегистрирован|занят)',
  'вне зоны',
  'телефон .*выключен',
  'набранн\\S+ .*номер',
  'номер .*не (существует|обслуживается)',
  'leave (a|your) message',
  'after the (tone|beep)',
  'voice ?mail',
];
/** A program that asks the caller for their reason and passes it on. */
const screening = [
  '(голосов|виртуальн|умн|цифров)\\S+ (помощни|ассистент|секретар)\\S*',
  'помощник \\S+ (слушает|отвечает)',
  'передам ваше сообщение',
  'call screening',
  'virtual assistant',
];
/** A person who answers for another one, which sounds like a refusal of a machine. */
const human = [
  '(ее|его|их) (сейчас |пока |уже )?нет',
  '(он|она) (сейчас )?(не может подойти|занята?|вышла?)',
  'кто (это|спрашивает|говорит)',
  'по какому вопросу',
];

const patterns = (
  [
    ['machine', machine],
    ['screening', screening],
    ['human', human],
  ] as const
).map(([who, phrases]) => [who, new RegExp(`(^| )(${phrases.join('|')})`)] as const);

/** Null: the words do not tell. */
export function answeredBy(text: string): AnsweredInWords | null {
  const words = spokenWords(text).join(' ');
  return patterns.find(([, pattern]) => pattern.test(words))?.[0] ?? null;
}
