/**
 * Tables of services, clients and appointments as a booking system exports them for a Russian Excel: columns by their header, a decimal
 * comma, local times. What DIKIDI's cabinet exports is not documented, so the names of columns can be set.
 */
import { Email, PersonName } from '../../../contracts/common.ts';
import { knownZone } from '../../booking/calendar.ts';
import { type PhoneCountry, toE164 } from '../../crm/phones.ts';

/** A row of a file by the names of its header. */
export type CsvRow = Readonly<Record<string, string | null>>;
export interface CsvOptions {
  /** Header of a column, if it is not one of the usual names: `{ "name": "Наименование услуги" }`. */
  readonly columns?: Readonly<Record<string, string>> | undefined;
  /** Zone of the location: times in the file have none. */
  readonly timeZone: string;
  /** Of prices; default RUB. */
  readonly currency?: string | undefined;
  readonly phoneCountry?: PhoneCountry | undefined;
}
/** A cell that cannot be read. The text of the cell is left out: it may be personal. */
export interface CsvProblem {
  /** Of the data, from 1 on; 0 for the header. */
  readonly row: number;
  readonly column: string;
  readonly expected: string;
}
export interface CsvTable<T> {
  readonly rows: readonly T[];
  readonly problems: readonly CsvProblem[];
}

interface Column {
  readonly names: readonly string[];
  readonly expected: string;
  /** Null if the text is not such a value. */
  readonly read: (text: string, options: CsvOptions) => unknown;
}
type Columns = Readonly<Record<string, Column>>;

const words = (names: readonly string[], max = 200): Column => ({
  names,
  expected: `text of at most ${max} characters`,
  read: (text) => (text.length <= max ? text : null),
});
const person = (names: readonly string[]): Column => ({
  names,
  expected: 'a name of at most 100 characters',
  read: (text) => PersonName.safeParse(text).data ?? null,
});
const phone: Column = {
  names: ['телефон', 'телефон клиента', 'номер телефона', 'phone'],
  expected: 'a phone, e.g. +7 999 555-33-22',
  read: (text, { phoneCountry }) => toE164(text, phoneCountry),
};
const minutes: Column = {
  names: ['длительность', 'продолжительность', 'длительность, мин', 'duration'],
  expected: 'a length, e.g. 90, 1:30 or 1 ч 30 мин',
  read: minutesIn,
};
const price: Column = {
  names: ['цена', 'стоимость', 'цена, руб', 'цена, руб.', 'price'],
  expected: 'a price, e.g. 1 500,50',
  read: (text, { currency = 'RUB' }) => priceIn(text, currency),
};
const time: Column = {
  names: ['дата и время', 'дата', 'время записи', 'начало', 'start'],
  expected: 'a time, e.g. 24.12.2026 12:30',
  read: (text, { timeZone }) => timeIn(text, timeZone),
};
const tables = {
  services: {
    name: words(['название', 'услуга', 'наименование', 'name']),
    category: words(['категория', 'группа', 'раздел', 'category']),
    durationMinutes: minutes,
    price,
  },
  clients: {
    name: person(['имя', 'клиент', 'фио', 'name']),
    phoneNumber: phone,
    email: {
      names: ['email', 'e-mail', 'почта', 'электронная почта'],
      expected: 'an e-mail address',
      read: (text) => Email.safeParse(text).data ?? null,
    },
  },
  appointments: {
    start: time,
    durationMinutes: minutes,
    clientName: person(['клиент', 'имя клиента', 'фио', 'client']),
    phoneNumber: phone,
    serviceName: words(['услуга', 'услуги', 'service']),
    employeeName: person(['мастер', 'сотрудник', 'специалист', 'employee']),
    price,
    comment: words(['комментарий', 'примечание', 'comment'], 4096),
  },
} as const satisfies Readonly<Record<string, Columns>>;
/** Columns without which a row means nothing; the others may be absent or empty. */
const required: Readonly<Record<CsvKind, readonly string[]>> = {
  services: ['name'],
  clients: ['name', 'phoneNumber'],
  appointments: ['start', 'phoneNumber'],
};
export type CsvKind = keyof typeof tables;

interface Money {
  readonly amountMinor: number;
  readonly currency: string;
}
export interface CsvRows {
  readonly services: {
    readonly name: string;
    readonly category: string | null;
    readonly durationMinutes: number | null;
    readonly price: Money | null;
  };
  readonly clients: { readonly name: string; readonly phoneNumber: string; readonly email: string | null };
  readonly appointments: {
    /** With the offset of the location. */
    readonly start: string;
    readonly durationMinutes: number | null;
    readonly clientName: string | null;
    readonly phoneNumber: string;
    readonly serviceName: string | null;
    readonly employeeName: string | null;
    readonly price: Money | null;
    readonly comment: string | null;
  };
}

/** Typed rows of a table, and what could not be read: a row with a problem is not among the rows. */
export function csvTable<K extends CsvKind>(kind: K, given: readonly CsvRow[], options: CsvOptions): CsvTable<CsvRows[K]> {
  const headers = Object.keys(given[0] ?? {});
  const columns: Columns = tables[kind];
  const problems: CsvProblem[] = [];
  const headerOf: Record<string, string | undefined> = {};
  for (const [field, { names }] of Object.entries(columns)) {
    const chosen = options.columns?.[field];
    const accepted = chosen === undefined ? names : [chosen];
    headerOf[field] = headers.find((header) => accepted.some((name) => plain(name) === plain(header)));
    if (headerOf[field] === undefined && (chosen !== undefined || required[kind].includes(field)))
      problems.push({
        row: 0,
        column: field,
        expected: `a column ${accepted.map((name) => `"${name}"`).join(', ')}; the file has ${headers.map((name) => `"${name.slice(0, 40)}"`).join(', ')}. If these are unreadable, name the encoding of the file`,
      });
  }
  for (const field of Object.keys(options.columns ?? {}))
    if (!(field in columns)) problems.push({ row: 0, column: field, expected: `one of ${Object.keys(columns).join(', ')}` });
  if (problems.length > 0) return { rows: [], problems };

  const rows: CsvRows[K][] = [];
  for (const [nth, row] of given.entries()) {
    const read: Record<string, unknown> = {};
    const before = problems.length;
    for (const [field, { expected, read: value }] of Object.entries(columns)) {
      const header = headerOf[field];
      const text = header === undefined ? '' : (row[header] ?? '').trim();
      read[field] = text === '' ? null : value(text, options);
      if (read[field] === null && (text !== '' || required[kind].includes(field)))
        problems.push({ row: nth + 1, column: header ?? field, expected });
    }
    if (problems.length === before) rows.push(read as unknown as CsvRows[K]); // Every field was read by its column above.
  }
  return { rows, problems };
}

const plain = (name: string) => name.trim().toLowerCase().replaceAll('ё', 'е').replace(/\s+/g, ' ');

function minutesIn(text: string): number | null {
  const [, hours, rest] = /^(\d{1,2})\s*(?::|ч\.?|час\p{L}*|h)\s*(?:(\d{1,2})\s*(?:м|мин\p{L}*|min|m)?\.?)?$/iu.exec(text) ?? [];
  const bare = /^(\d{1,4})\s*(?:м|мин\p{L}*|min|m)?\.?$/iu.exec(text)?.[1];
  const minutes = hours === undefined ? Number(bare) : Number(hours) * 60 + Number(rest ?? 0);
  return Number.isInteger(minutes) && minutes >= 1 && minutes <= 1440 ? minutes : null;
}
/** Spaces group thousands; three digits after a comma could be either, and are refused. */
function priceIn(text: string, currency: string): Money | null {
  const bare = text.replace(/\s|₽|руб\p{L}*\.?|р\.$/giu, '');
  const [, whole, part = ''] = /^(\d{1,9})(?:[.,](\d{1,2}))?$/.exec(bare) ?? [];
  return whole === undefined ? null : { amountMinor: Number(whole) * 100 + Number(part.padEnd(2, '0')), currency };
}
function timeIn(text: string, timeZone: string): string | null {
  const [, day, month, year, hours, minutes] = /^(\d\d)\.(\d\d)\.(\d{4})[ ,]+(\d{1,2}):(\d\d)(?::\d\d)?$/.exec(text) ?? [];
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  if (day === undefined || Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return null;
  if (Number(hours) > 23 || Number(minutes) > 59) return null;
  const zone = knownZone(timeZone);
  return zone.iso(zone.at(date.toISOString().slice(0, 10), Number(hours) * 60 + Number(minutes)));
}
