/** The records of the fake EspoCRM: validation, refusals, duplicates and search. Source: the measured behaviour of EspoCRM 9.1.7. */
import { randomBytes } from 'node:crypto';
import { defaults, type Entity, entities, type Field, varchar } from './fake-schema.ts';

export type EspoRecord = { readonly id: string } & Record<string, unknown>;
/** A reply that is not a record; the message becomes `X-Status-Reason`. */
export interface Refusal extends Error {
  readonly status: number;
  readonly body: unknown;
}
export function refused(status: number, reason: string, body?: unknown): Refusal {
  return Object.assign(new Error(reason), { status, body });
}

interface Phone {
  readonly phoneNumber: string;
  readonly type: 'Mobile';
  readonly primary: boolean;
  readonly optOut: false;
  readonly invalid: false;
}
const phonesOf = (record: EspoRecord) => (record.phoneNumberData ?? []) as readonly Phone[];
const digits = (phone: string) => phone.replace(/\D/g, '');

export interface EspoRecords {
  list(entity: string, query: Readonly<Record<string, unknown>>): { readonly list: readonly EspoRecord[]; readonly total: number };
  read(entity: string, id: string): EspoRecord;
  /** The duplicate check and the insert are two steps, as in EspoCRM: parallel creates can produce duplicates. */
  create(entity: string, attributes: Readonly<Record<string, unknown>>, skipDuplicateCheck: boolean): Promise<EspoRecord>;
  update(entity: string, id: string, attributes: Readonly<Record<string, unknown>>, version: string | undefined): EspoRecord;
  remove(entity: string, id: string): void;
  /** Inserts a record without checks, as an import does. */
  put(entity: string, attributes: Readonly<Record<string, unknown>>, phones?: readonly string[]): EspoRecord;
  all(entity: string): readonly EspoRecord[];
}

/** @param custom names of text fields that an administrator has added to every entity but Note. */
export function espoRecords({
  now,
  custom,
  userId,
  maxPage = 200,
  changed = () => {},
}: {
  readonly now: () => number;
  readonly custom: readonly string[];
  readonly userId: string;
  /** `recordListMaxSizeLimit`. */
  readonly maxPage?: number | undefined;
  /** @param changed the whole record, the changed attributes, or the id alone */
  readonly changed?: (entity: string, event: 'create' | 'update' | 'delete', changed: EspoRecord) => void;
}): EspoRecords {
  const tables = new Map(Object.keys(entities).map((name) => [name, [] as EspoRecord[]]));
  const known = (name: string): { readonly of: Entity; readonly fields: Readonly<Record<string, Field>>; readonly rows: EspoRecord[] } => {
    const [of, rows] = [entities[name], tables.get(name)];
    if (!of || !rows) throw refused(404, `Entity type '${name}' does not exist.`);
    return {
      of,
      rows,
      fields: name === 'Note' ? of.fields : { ...of.fields, ...Object.fromEntries(custom.map((field) => [field, varchar])) },
    };
  };
  const one = (entity: string, wanted: string): EspoRecord => {
    const found = known(entity).rows.find((record) => record.id === wanted);
    if (!found) throw refused(404, 'Record does not exist.');
    return found;
  };

  /** The attributes that would be stored; unknown ones are dropped silently. */
  function accepted(entity: string, attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const stored: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(known(entity).fields)) {
      const given = attributes[name];
      if (given === undefined) continue;
      const invalid = (type: string) =>
        refused(400, `Field validation failure; entityType: ${entity}, field: ${name}, type: ${type}.`, {
          messageTranslation: { label: 'validationFailure', scope: null, data: { field: name, type } },
        });
      stored[name] = given === null || given === '' ? null : valueFor(field, given, invalid);
      if (field.type === 'phone' && typeof stored[name] === 'string')
        stored.phoneNumberData = [
          { phoneNumber: stored[name], type: 'Mobile', primary: true, optOut: false, invalid: false } satisfies Phone,
        ];
    }
    const { phoneNumberData: phones } = attributes;
    if (known(entity).of.person && Array.isArray(phones)) {
      stored.phoneNumberData = phones.map(
        (each: Partial<Phone>): Phone => ({ type: 'Mobile', primary: false, optOut: false, invalid: false, phoneNumber: '', ...each }),
      );
      stored.phoneNumber = phones.find((each: Partial<Phone>) => each.primary)?.phoneNumber ?? null;
    }
    return stored;
  }
  function insert(entity: string, stored: Readonly<Record<string, unknown>>): EspoRecord {
    const { of, rows } = known(entity);
    const record: EspoRecord = {
      ...defaults[entity],
      ...stored,
      ...(of.person
        ? { name: [stored.firstName, stored.lastName].filter(Boolean).join(' '), phoneNumberData: stored.phoneNumberData ?? [] }
        : {}),
      ...(of.versioned ? { versionNumber: 1 } : {}),
      id: randomBytes(9).toString('hex').slice(0, 17),
      deleted: false,
      createdAt: utc(new Date(now())),
      createdById: userId,
      modifiedAt: utc(new Date(now())),
    };
    rows.push(record);
    changed(entity, 'create', record);
    return record;
  }

  return {
    all: (entity) => known(entity).rows,
    read: one,
    put(entity, attributes, phones = []) {
      const phoneNumberData = phones.map(
        (phoneNumber, nth): Phone => ({ phoneNumber, type: 'Mobile', primary: nth === 0, optOut: false, invalid: false }),
      );
      return insert(entity, { ...attributes, ...(phones.length > 0 ? { phoneNumber: phones[0], phoneNumberData } : {}) });
    },
    async create(entity, attributes, skipDuplicateCheck) {
      const { of, rows } = known(entity);
      const stored = accepted(entity, attributes);
      const missing = of.required.find((name) => stored[name] === undefined || stored[name] === null);
      if (missing !== undefined) {
        const field = missing.replace(/Id$/, '');
        throw refused(400, `Field validation failure; entityType: ${entity}, field: ${field}, type: required.`, {
          messageTranslation: { label: 'validationFailure', scope: null, data: { field, type: 'required' } },
        });
      }
      const same = (a: unknown, b: unknown) => String(a ?? '').toLowerCase() === String(b ?? '').toLowerCase();
      const duplicates = rows.filter(
        (record) =>
          of.person &&
          (((stored.firstName || stored.lastName) && same(record.firstName, stored.firstName) && same(record.lastName, stored.lastName)) ||
            (stored.emailAddress && same(record.emailAddress, stored.emailAddress))),
      );
      if (duplicates.length > 0 && !skipDuplicateCheck) throw refused(409, 'duplicate', duplicates);
      await new Promise((resolve) => setImmediate(resolve));
      return insert(entity, stored);
    },
    update(entity, wanted, attributes, version) {
      const record = one(entity, wanted);
      const { of } = known(entity);
      if (of.versioned && version !== undefined && Number(version) !== record.versionNumber)
        throw refused(409, 'modified', { values: record, versionNumber: record.versionNumber });
      const attributesNow = {
        ...accepted(entity, attributes),
        ...(of.versioned && { versionNumber: Number(record.versionNumber) + 1 }),
        modifiedAt: utc(new Date(now())),
      };
      Object.assign(record, attributesNow);
      changed(entity, 'update', { ...attributesNow, id: record.id });
      return record;
    },
    remove(entity, wanted) {
      const { rows } = known(entity);
      rows.splice(rows.indexOf(one(entity, wanted)), 1);
      changed(entity, 'delete', { id: wanted });
    },
    list(entity, query) {
      const { rows, fields, of } = known(entity);
      const size = Number(query.maxSize ?? 20);
      if (size > maxPage) throw refused(403, `Max size should not exceed ${maxPage}. Use offset and limit.`);
      const attributes = new Set([
        ...Object.keys(fields),
        'id',
        'name',
        'deleted',
        'createdAt',
        'createdById',
        ...(of.person ? ['phoneNumberNumeric'] : []),
      ]);
      const where = Object.values((query.where ?? {}) as Readonly<Record<string, Where>>);
      const found = rows.filter((record) => where.every((item) => matches(record, item, attributes)));
      const orderBy = String(query.orderBy ?? 'createdAt');
      if (!attributes.has(orderBy)) throw refused(400, `Not allowed order by '${orderBy}'.`);
      const sign = (query.order ?? (query.orderBy === undefined ? 'desc' : 'asc')) === 'desc' ? -1 : 1;
      found.sort((a, b) => sign * (compare(a[orderBy], b[orderBy]) || rows.indexOf(a) - rows.indexOf(b)));
      const offset = Number(query.offset ?? 0);
      const select = query.select === undefined ? undefined : new Set(['id', ...String(query.select).split(',')]);
      const list = found.slice(offset, offset + size).map((record): EspoRecord => {
        // Further numbers are loaded only for a single record.
        const shown = Object.entries(record).filter(([name]) => name !== 'phoneNumberData' && (select?.has(name) ?? true));
        return { ...Object.fromEntries(shown), id: record.id };
      });
      return { list, total: found.length };
    },
  };
}

interface Where {
  readonly type?: string;
  readonly attribute?: string;
  readonly value?: unknown;
}
function matches(record: EspoRecord, { type, attribute, value }: Where, attributes: ReadonlySet<string>): boolean {
  if (type === 'or' || type === 'and') {
    const items = Object.values((value ?? {}) as Readonly<Record<string, Where>>);
    return type === 'or'
      ? items.some((item) => matches(record, item, attributes))
      : items.every((item) => matches(record, item, attributes));
  }
  if (attribute === undefined || !attributes.has(attribute)) throw refused(400, `Not existing attribute '${attribute}' in where.`);
  const values = valuesOf(record, attribute);
  const like = (pattern: string) => {
    const parts = pattern
      .split(/([%_])/)
      .map((part) => (part === '%' ? '.*' : part === '_' ? '.' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
    const expression = new RegExp(`^${parts.join('')}$`, 'is');
    return values.some((each) => expression.test(each));
  };
  switch (type) {
    case 'isTrue':
      return values.includes('true');
    case 'equals':
      return values.includes(String(value));
    case 'in':
      if (typeof value !== 'object' || value === null) throw refused(400, "Bad 'in' where item. Not array.");
      return Object.values(value).some((each) => values.includes(String(each)));
    case 'like':
      return like(String(value));
    case 'contains':
      return like(`%${value}%`);
    case 'startsWith':
      return like(`${value}%`);
    case 'endsWith':
      return like(`%${value}`);
    case 'greaterThanOrEquals':
      return values.some((each) => each >= String(value));
    case 'lessThan':
      return values.some((each) => each < String(value));
    default:
      throw refused(400, `Unknown where item type '${type}'.`);
  }
}
/** A phone condition matches every number of the record. */
function valuesOf(record: EspoRecord, attribute: string): readonly string[] {
  if (attribute === 'phoneNumber') return phonesOf(record).map(({ phoneNumber }) => phoneNumber);
  if (attribute === 'phoneNumberNumeric') return phonesOf(record).map(({ phoneNumber }) => digits(phoneNumber));
  const value = record[attribute];
  return value === undefined || value === null ? [] : [String(value)];
}
function compare(a: unknown, b: unknown): number {
  const [left, right] = [String(a ?? ''), String(b ?? '')];
  return left < right ? -1 : Number(left > right);
}

function valueFor(field: Field, given: unknown, invalid: (type: string) => Refusal): unknown {
  switch (field.type) {
    case 'enum':
      if (!field.options.includes(String(given))) throw invalid('valid');
      return given;
    case 'phone': {
      const bare = String(given)
        .replace(/\s*(ext|x|доб)\.?.*$/i, '')
        .replace(/[\s().-]/g, '');
      if (!/^\+[1-9]\d{6,14}$/.test(bare)) throw invalid('valid');
      return bare;
    }
    case 'email':
      if (!/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(String(given))) throw invalid('valid');
      return given;
    case 'datetime':
      return storedTime(String(given), invalid);
    case 'date':
      if (!/^\d{4}-\d\d-\d\d$/.test(String(given))) throw invalid('valid');
      return given;
    case 'amount':
      if (typeof given !== 'number') throw invalid('valid');
      return given;
    case 'currency':
      if (given !== 'RUB' && given !== 'USD') throw invalid('validCurrency');
      return given;
    case 'ids':
      if (!Array.isArray(given)) throw invalid('valid');
      return given;
    case 'bool':
      if (typeof given !== 'boolean') throw invalid('valid');
      return given;
    case 'varchar':
    case 'id':
    case 'text':
      if (typeof given !== 'string') throw invalid('valid');
      if (field.type !== 'text' && given.length > 255) throw invalid('maxLength');
      return given;
  }
}
/** Times without a zone are UTC; others are converted. */
function storedTime(given: string, invalid: (type: string) => Refusal): string {
  if (/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(given)) return given;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(given)) throw invalid('valid');
  return utc(new Date(given));
}
function utc(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}
