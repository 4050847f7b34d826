/**
 * Detects who has answered an outbound call, by the first words. The network's signal is the same for a person, a mailbox and a call
 * screener.
 */
import { spokenWords } from './interruption.ts';

export type AnsweredInWords = 'human' | 'machine' | 'screening';

/** Announcements of Russian mailboxes and networks. */
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
/** Phrases of a call screener, which asks for the caller's reason and passes it on. */
const screening = [
  '(голосов|виртуальн|умн|цифров)\\S+ (помощни|ассистент|секретар)\\S*',
  'помощник \\S+ (слушает|отвечает)',
  'передам ваше сообщение',
  'call screening',
  'virtual assistant',
];
/** Phrases of a person who answers for another one, which resemble a machine's refusal. */
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

/** Null if the words do not decide. */
export function answeredBy(text: string): AnsweredInWords | null {
  const words = spokenWords(text).join(' ');
  return patterns.find(([, pattern]) => pattern.test(words))?.[0] ?? null;
}
