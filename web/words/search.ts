import type { Words } from '../kit/words.ts';

export const searchWords = {
  search: ['Поиск', 'Search'],
  everywhere: ['Поиск по всему', 'Search everything'],
  hint: ['имя, телефон, слова или номер записи', 'a name, phone, words or a row id'],
  hintIds: ['номер записи или запуска', 'the id of a row or a run'],
  find: ['Найти', 'Search'],
  results: ['Найдено', 'Found'],
  clients: ['Клиенты', 'Clients'],
  chats: ['Чаты', 'Chats'],
  allChats: ['Все чаты с «{text}»', 'All chats with “{text}”'],
  allClients: ['Все клиенты с «{text}»', 'All clients with “{text}”'],
  nothing: ['Ничего не найдено.', 'Nothing was found.'],
  noRow: ['Записи с таким номером нет.', 'There is no row with this id.'],
  close: ['Закрыть поиск', 'Close the search'],
} as const satisfies Words;
