import type { Words } from '../kit/words.ts';

export const patternsWords = {
  title: ['Фразы, которые сразу решают намерение', 'Phrases that decide the intent at once'],
  empty: ['Таких фраз нет: намерение определяет модель.', 'There are none: a model decides the intent.'],
  phrase: ['Фраза', 'Phrase'],
  phraseHelp: [
    'Слова подряд. * в конце слова: любое окончание; … между словами: до пяти слов; = в начале: всё сообщение целиком.',
    'Consecutive words. * at the end of a word: any ending; … between words: up to five words; = at the beginning: the whole message.',
  ],
  intent: ['Намерение', 'Intent'],
  rank: ['Очередь', 'Rank'],
  acts: ['Действия', 'Acts'],
  add: ['Добавить фразу', 'Add a phrase'],
  change: ['Изменить фразу', 'Change the phrase'],
  edit: ['Изменить', 'Edit'],
  save: ['Сохранить', 'Save'],
  saved: ['Фраза сохранена, новые сообщения читаются с ней.', 'The phrase was saved; new messages are read with it.'],
  remove: ['Удалить', 'Remove'],
  removeWarning: ['Новые сообщения с этой фразой будет читать модель.', 'A model reads new messages with this phrase.'],
  templates: ['Шаблоны сообщений', 'Message templates'],
  templatesText: [
    'Шаблоны создаются и проверяются у провайдера канала; здесь видно их состояние.',
    'Templates are made and approved at the provider of the channel; their state is shown here.',
  ],
  noTemplates: ['Шаблонов нет.', 'There are no templates.'],
  name: ['Имя', 'Name'],
  channel: ['Канал', 'Channel'],
  state: ['Состояние', 'State'],
  text: ['Текст', 'Text'],
} as const satisfies Words;
