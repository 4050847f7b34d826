import type { Words } from '../kit/words.ts';

export const talkWords = {
  title: ['Разговор', 'Conversation'],
  recording: ['Запись', 'Recording'],
  notRecorded: ['Звонок не записан.', 'The call was not recorded.'],
  atProvider: [
    'Звонок принял по SIP сам {provider}: звук остаётся у него, записи здесь нет.',
    '{provider} has taken the call over SIP: its audio stays there and is not recorded here.',
  ],
  noAgent: ['Агент в этом звонке не говорил.', 'No agent has spoken in this call.'],
  customer: ['клиент', 'customer'],
  agent: ['агент', 'agent'],
  interrupted: ['перебит клиентом', 'interrupted by the customer'],
  playFrom: ['Слушать с {time}', 'Play from {time}'],
  answers: [
    'Ответов: {n}. Половина начинается не позже чем через {ms} мс после последнего звука клиента.',
    'Answers: {n}. Half of them begin within {ms} ms after the last sound of the customer.',
  ],
  answered: ['{ms} мс до ответа: {stages}', 'answered after {ms} ms: {stages}'],
  stage_words: ['слова', 'words'],
  stage_silence: ['тишина', 'silence'],
  stage_answer: ['ответ', 'answer'],
  stage_voice: ['голос', 'voice'],
  stage_line: ['линия', 'line'],
} as const satisfies Words;
