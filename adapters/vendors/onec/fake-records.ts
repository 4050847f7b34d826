/** The records of the fake 1C: what it stores of what it is sent. Source: the manual, and probes of a live trade configuration. */
import { randomUUID } from 'node:crypto';
import { type FieldType, type FilterRow, filterOf, odataRefusal } from './fake-filter.ts';
import { type Field, type Fields, schema } from './fake-schema.ts';

export type FakeRecord = { readonly Ref_Key: string; DataVersion: string } & Record<string, unknown>;
export type ListOptions = Readonly<Record<string, string>>;
export interface FakeRecords {
  list(entity: string, options: ListOptions): readonly Readonly<Record<string, unknown>>[];
  get(entity: string, key: string): FakeRecord;
  create(entity: string, body: Readonly<Record<string, unknown>>): FakeRecord;
  change(entity: string, key: string, body: Readonly<Record<string, unknown>>, version: string | undefined): FakeRecord;
  /** Everything of an entity, also what is marked for deletion. */
  all(entity: string): readonly FakeRecord[];
}
const emptyKey = '00000000-0000-0000-0000-000000000000';
const emptyTime = '0001-01-01T00:00:00';

export function fakeRecords({
  isStaleAccepted,
  unpublished = [],
}: {
  /** Whether a stale If-Match is accepted, as on the probed database; the manual promises 412. */
  readonly isStaleAccepted: boolean;
  readonly unpublished?: readonly string[];
}): FakeRecords {
  const tables = new Map(Object.keys(schema).map((name) => [name, [] as FakeRecord[]]));
  let versions = 0;
  const version = () => {
    versions += 1;
    return Buffer.from(String(versions).padStart(8, '0')).toString('base64');
  };
  function known(entity: string): { readonly rows: readonly Record<string, unknown>[]; readonly fields: Fields } {
    const [rows, fields] = [tables.get(entity), schema[entity]];
    if (rows !== undefined && fields !== undefined && !unpublished.includes(entity)) return { rows, fields };
    const [, owner = '', part = ''] = /^(.+)_([^_]+)$/.exec(entity) ?? [];
    const table = schema[owner]?.[part];
    if (table?.type !== 'table' || unpublished.includes(owner)) throw odataRefusal(404, '8', `Тип сущности '${entity}' не найден`);
    const inside = (tables.get(owner) ?? []).flatMap((record) =>
      ((record[part] ?? []) as readonly object[]).map((row) => ({ ...row, Ref_Key: record.Ref_Key })),
    );
    return { rows: inside, fields: table.fields };
  }
  const writable = (entity: string): FakeRecord[] => {
    known(entity);
    const rows = tables.get(entity);
    if (rows === undefined) throw odataRefusal(400, '13', 'Непосредственное создание строк табличной части невозможно');
    return rows;
  };
  const get = (entity: string, key: string): FakeRecord => {
    const found = writable(entity).find(({ Ref_Key }) => Ref_Key === key.toLowerCase());
    if (found === undefined) throw odataRefusal(404, '9', `Экземпляр сущности ${entity}(guid'${key}') не найден`);
    return found;
  };

  return {
    all: (entity) => tables.get(entity) ?? [],
    get,
    list(entity, options) {
      const { rows, fields } = known(entity);
      const typeOf = (name: string): FieldType | undefined => (name === 'Ref_Key' ? 'key' : filterType(fields[name]));
      const wanted = options.$filter === undefined ? () => true : filterOf(options.$filter);
      const rowOf = (row: Readonly<Record<string, unknown>>): FilterRow => ({
        type: typeOf,
        value: (name) => (typeOf(name) === 'composite' ? `${row[name]} ${row[`${name}_Type`]}`.toLowerCase() : row[name]),
      });
      const found = rows.filter((row) => wanted(rowOf(row)));
      const [orderBy, direction] = (options.$orderby ?? '').split(' ');
      if (orderBy) {
        if (typeOf(orderBy) === undefined) throw odataRefusal(400, '10', `Свойство ${orderBy} не найдено`);
        const sign = direction === 'desc' ? -1 : 1;
        found.sort((a, b) => sign * (String(a[orderBy]) < String(b[orderBy]) ? -1 : Number(String(a[orderBy]) > String(b[orderBy]))));
      }
      const select = options.$select?.split(',');
      for (const name of select ?? [])
        if (name !== 'Ref_Key' && fields[name] === undefined) throw odataRefusal(400, '10', `Свойство ${name} не найдено`);
      const skip = Number(options.$skip ?? 0);
      // There is no default page size.
      const page = found.slice(skip, options.$top === undefined ? undefined : skip + Number(options.$top));
      return select === undefined ? page : page.map((row) => Object.fromEntries(select.map((name) => [name, row[name]])));
    },
    create(entity, body) {
      const rows = writable(entity);
      const fields = schema[entity] as Fields; // Every table has a schema.
      const record: FakeRecord = {
        Ref_Key: randomUUID(),
        DataVersion: version(),
        ...Object.fromEntries(Object.entries(fields).flatMap(([name, field]) => emptyOf(name, field))),
        ...stored(fields, body),
      };
      const number = String(rows.length + 1).padStart(9, '0');
      if ('Code' in fields && record.Code === '') record.Code = number;
      if ('Number' in fields && record.Number === '') record.Number = number;
      rows.push(record);
      return record;
    },
    change(entity, key, body, ifMatch) {
      const record = get(entity, key);
      if (ifMatch !== undefined && ifMatch !== record.DataVersion && !isStaleAccepted)
        throw odataRefusal(412, '-1', 'Версия данных не совпадает');
      return Object.assign(record, stored(schema[entity] as Fields, body), { DataVersion: version() }); // `get` found the entity.
    },
  };
}

function filterType(field: Field | undefined): FieldType | undefined {
  if (field === undefined || field.type === 'table') return undefined;
  return field.type === 'enum' ? 'string' : field.type === 'int64' ? 'number' : field.type;
}
function emptyOf(name: string, field: Field): readonly (readonly [string, unknown])[] {
  switch (field.type) {
    case 'key':
      return [[name, emptyKey]];
    case 'date':
      return [[name, emptyTime]];
    case 'bool':
      return [[name, false]];
    case 'number':
      return [[name, 0]];
    case 'int64':
      return [[name, '0']];
    case 'table':
      return [[name, []]];
    case 'composite':
      return [
        [name, ''],
        [`${name}_Type`, 'StandardODATA.Undefined'],
      ];
    case 'string':
    case 'enum':
      return [[name, '']];
  }
}

/** Unknown properties are ignored, long strings are cut, and a reference to nothing is stored. */
function stored(fields: Fields, body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    const field = fields[name];
    if (field !== undefined) kept[name] = valueFor(name, field, value);
    else if (fields[name.replace(/_Type$/, '')]?.type === 'composite') kept[name] = String(value);
  }
  return kept;
}
function valueFor(name: string, field: Field, value: unknown): unknown {
  const bad = () => odataRefusal(400, '4', `Неверное значение свойства ${name}`);
  switch (field.type) {
    case 'string':
      if (typeof value !== 'string') throw bad();
      return field.max === undefined ? value : value.slice(0, field.max);
    case 'enum':
      if (value !== '' && !field.values.includes(String(value))) throw bad();
      return value;
    case 'key':
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(value))) throw bad();
      return String(value).toLowerCase();
    case 'date':
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(String(value))) throw bad();
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw bad();
      return value;
    case 'number':
      if (typeof value !== 'number') throw bad();
      return value;
    case 'int64':
      return /^-?\d+$/.test(String(value)) ? String(value) : '0';
    case 'composite':
      return String(value);
    case 'table':
      if (!Array.isArray(value)) throw bad();
      return value.map((row: Record<string, unknown>, nth) => {
        if (Number(row.LineNumber) !== nth + 1) throw odataRefusal(400, '4', 'Неверный номер строки табличной части');
        return {
          ...Object.fromEntries(Object.entries(field.fields).flatMap(([part, of]) => emptyOf(part, of))),
          ...stored(field.fields, row),
        };
      });
  }
}
