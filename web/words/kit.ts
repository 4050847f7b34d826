import type { Words } from '../kit/words.ts';

/** Words of the parts that every page uses. */
export const kitWords = {
  loading: ['Загружается…', 'Loading…'],
  empty: ['Здесь пока ничего нет.', 'There is nothing here yet.'],
  refused: ['Это недоступно', 'This is not available'],
  badAddress: ['400: неверный адрес страницы', '400: bad page address'],
  badFilters: ['На этой странице нет таких условий: {names}.', 'This page does not have these filters: {names}.'],
  resetFilters: ['Убрать условия', 'Remove the filters'],
  noPage: ['Такой страницы нет.', 'There is no such page.'],
  toStart: ['На первую страницу', 'To the first page'],
  failed: ['Не удалось загрузить', 'Loading failed'],
  retry: ['Повторить', 'Try again'],
  reload: ['Обновить страницу', 'Reload the page'],
  newVersion: ['Вышла новая версия. Обновите страницу.', 'There is a new version. Reload the page.'],
  old: [
    'Нет связи уже {age}: данные могли устареть, решать пока нельзя.',
    'No connection for {age}: the data may be out of date, deciding is off.',
  ],
  requestId: ['Номер запроса: {id}', 'Request id: {id}'],
  fresh: [
    {
      one: '{n} новая запись — показать',
      few: '{n} новые записи — показать',
      many: '{n} новых записей — показать',
      other: '{n} новых записи — показать',
    },
    { one: '{n} new row: show', other: '{n} new rows: show' },
  ],
  columns: ['Столбцы', 'Columns'],
  csv: ['Выгрузить CSV', 'Export CSV'],
  csvCancel: ['Остановить выгрузку', 'Stop the export'],
  csvRows: [
    { one: 'Выгружена {n} строка', few: 'Выгружены {n} строки', many: 'Выгружено {n} строк', other: 'Выгружено {n} строки' },
    { one: '{n} row exported', other: '{n} rows exported' },
  ],
  csvDone: ['Файл готов.', 'The file is ready.'],
  csvFailed: ['Выгрузка не удалась: {why}', 'The export failed: {why}'],
  more: ['Загрузить ещё', 'Load more'],
  nextRow: ['Следующая строка', 'Next row'],
  previousRow: ['Предыдущая строка', 'Previous row'],
  openRow: ['Открыть', 'Open'],
  rows: [
    { one: '{n} строка', few: '{n} строки', many: '{n} строк', other: '{n} строки' },
    { one: '{n} row', other: '{n} rows' },
  ],
  close: ['Закрыть', 'Close'],
  cancel: ['Отмена', 'Cancel'],
  back: ['К списку', 'To the list'],
  refreshed: ['После перерыва связи список обновлён.', 'The list was refreshed after a gap in the connection.'],
  yes: ['да', 'yes'],
  no: ['нет', 'no'],
} as const satisfies Words;
