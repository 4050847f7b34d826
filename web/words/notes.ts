import type { Words } from '../kit/words.ts';

export const notesWords = {
  title: ['Заметки сотрудников', 'Notes of the staff'],
  none: ['Заметок нет.', 'There are no notes.'],
  help: ['Клиент и бот их не видят.', 'Neither the customer nor the bot sees them.'],
  text: ['Новая заметка', 'New note'],
  add: ['Добавить заметку', 'Add the note'],
  added: ['Заметка добавлена.', 'The note was added.'],
  earlier: ['Показать раньше', 'Show earlier'],
} as const satisfies Words;
