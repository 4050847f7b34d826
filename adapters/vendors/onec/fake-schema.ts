/** The configuration of the fake 1C: the part of Trade Management 11 that the shipped mapping names, and a document of appointments. */

export type Field =
  | { readonly type: 'string'; readonly max?: number }
  | { readonly type: 'enum'; readonly values: readonly string[] }
  | { readonly type: 'key' | 'composite' | 'date' | 'number' | 'int64' | 'bool' }
  | { readonly type: 'table'; readonly fields: Fields };
export type Fields = Readonly<Record<string, Field>>;

const text = { type: 'string' } as const;
const upTo = (max: number) => ({ type: 'string', max }) as const;
const key = { type: 'key' } as const;
const date = { type: 'date' } as const;
const bool = { type: 'bool' } as const;
const number = { type: 'number' } as const;
const composite = { type: 'composite' } as const;
const oneOf = (...values: string[]) => ({ type: 'enum', values }) as const;

const common: Fields = { DeletionMark: bool };
const catalog = (fields: Fields): Fields => ({ ...common, Code: upTo(11), Description: upTo(100), PredefinedDataName: text, ...fields });
const document = (fields: Fields): Fields => ({ ...common, Number: upTo(11), Date: date, Posted: bool, Комментарий: text, ...fields });

export const schema: Readonly<Record<string, Fields>> = {
  Catalog_Партнеры: catalog({
    Комментарий: text,
    ЮрФизЛицо: oneOf('ЮрЛицо', 'ЧастноеЛицо'),
    Клиент: bool,
    КонтактнаяИнформация: {
      type: 'table',
      fields: {
        LineNumber: { type: 'int64' },
        Тип: oneOf('Телефон', 'АдресЭлектроннойПочты'),
        Вид_Key: key,
        Представление: upTo(500),
        НомерТелефона: upTo(20),
        АдресЭП: upTo(100),
      },
    },
  }),
  Catalog_ВидыКонтактнойИнформации: catalog({}),
  Catalog_Валюты: catalog({}),
  Catalog_Пользователи: catalog({ Недействителен: bool, Должность: upTo(100) }),
  Catalog_СделкиСКлиентами: catalog({
    Партнер_Key: key,
    Статус: oneOf('ВРаботе', 'Выиграна', 'Проиграна'),
    ДатаНачала: date,
    Комментарий: text,
    Ответственный_Key: key,
  }),
  Document_ЗаказКлиента: document({ Партнер_Key: key, Валюта_Key: key, СуммаДокумента: number, ДатаОтгрузки: date }),
  Task_ЗадачаИсполнителя: document({ Description: upTo(150), Предмет: composite, Описание: text, СрокИсполнения: date }),
  Document_ЗапланированноеВзаимодействие: document({ Тема: upTo(100), Описание: text, Предмет: composite }),
  Document_ТелефонныйЗвонок: document({
    Тема: upTo(100),
    Описание: text,
    Предмет: composite,
    Входящий: bool,
    АбонентКакСвязаться: upTo(255),
  }),
  Document_ЗаписьКлиента: document({
    Партнер_Key: key,
    Сотрудник_Key: key,
    Услуги: upTo(200),
    Начало: date,
    Длительность: number,
    Состояние: oneOf('Записан', 'Отменен'),
    Идентификатор: upTo(64),
  }),
};
