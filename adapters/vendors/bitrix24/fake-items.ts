/** The CRM items of the fake Bitrix24: fields, phones, filters, pages. Source: b24restdocs, crm/universal and crm/duplicates. */
import { Refusal } from '../../fake-server.ts';

export interface Phone {
  readonly id: number;
  readonly typeId: string;
  readonly valueType: string;
  readonly value: string;
}
export interface Item {
  readonly id: number;
  readonly fm: readonly Phone[];
  readonly [field: string]: unknown;
}
export type Params = Readonly<Record<string, unknown>>;

/** A refusal with its envelope. `error` may be a string, an empty string or a number, by method. */
export function refused(status: number, error: string | number, description = ''): Refusal {
  return new Refusal({ status, body: { error, error_description: description } });
}
/** ISO 8601 to the second, with an offset; another form may be read as another time, or not at all. */
export function isPortalTime(written: unknown): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)$/.test(String(written));
}
export const notFound = () => refused(400, 'NOT_FOUND', 'Element not found');

const person = ['name', 'lastName', 'secondName', 'post', 'birthdate'];
const common = ['sourceId', 'sourceDescription', 'comments', 'assignedById', 'opened', 'originatorId', 'originId', 'companyId'];
const sale = ['title', 'stageId', 'opportunity', 'currencyId', 'contactId', 'contactIds'];
const fieldsOf: Readonly<Record<number, readonly string[]>> = {
  1: [...person, ...common, ...sale, 'statusDescription'],
  2: [...common, ...sale, 'categoryId', 'begindate', 'closedate', 'typeId', 'probability'],
  3: [...person, ...common, 'typeId'],
  4: ['title', ...common],
};
const system = ['id', 'createdTime', 'updatedTime', 'createdBy', 'updatedBy', 'stageSemanticId'];
export const entityTypes: Readonly<Record<string, number>> = { lead: 1, deal: 2, contact: 3, company: 4 };

export interface Items {
  all(entityTypeId: number): readonly Item[];
  find(entityTypeId: number, id: unknown): Item | undefined;
  add(entityTypeId: unknown, fields: unknown): Item;
  update(entityTypeId: unknown, id: unknown, fields: unknown): Item;
  remove(entityTypeId: unknown, id: unknown): void;
  list(entityTypeId: unknown, params: Params): readonly Item[];
  /** Ids with this phone or e-mail address, after the portal's normalisation. */
  withComm(entityTypeId: number, type: string, values: readonly string[]): readonly number[];
}

export function bitrixItems({
  stamp,
  userId,
  leadStages,
}: {
  /** Now, with the portal's offset. */
  readonly stamp: () => string;
  readonly userId: number;
  readonly leadStages: readonly string[];
}): Items {
  const rows = new Map<number, Item[]>(Object.keys(fieldsOf).map((id) => [Number(id), []]));
  let lastId = 200;
  let lastPhoneId = 100;

  const rowsOf = (entityTypeId: unknown): [number, Item[]] => {
    if (entityTypeId === undefined) throw refused(400, 100, 'Could not find value for parameter {entityTypeId}');
    const found = rows.get(Number(entityTypeId));
    if (found === undefined) throw refused(400, 'NOT_FOUND', 'Smart process not found');
    return [Number(entityTypeId), found];
  };
  const one = (entityTypeId: unknown, id: unknown): [number, Item[], Item] => {
    const [type, all] = rowsOf(entityTypeId);
    if (id === undefined) throw refused(400, 100, 'Could not find value for parameter {id}');
    if (!/^\d+$/.test(String(id))) throw refused(400, 100, 'Invalid value {id} to match with parameter {id}. Should be value of type int.');
    const found = all.find((item) => item.id === Number(id));
    if (found === undefined) throw notFound();
    return [type, all, found];
  };
  /** Unknown fields are ignored without an error. */
  function accepted(type: number, fields: unknown): Record<string, unknown> {
    if (typeof fields !== 'object' || fields === null) throw refused(400, 100, 'Could not find value for parameter {fields}');
    const known = Object.entries(fields).filter(([name]) => fieldsOf[type]?.includes(name));
    const stored = Object.fromEntries(known.map(([name, value]) => [name, typed(name, value)]));
    const { stageId, categoryId } = stored;
    const badTime = ['begindate', 'closedate', 'birthdate'].find((name) => stored[name] !== undefined && !isPortalTime(stored[name]));
    if (badTime !== undefined) throw refused(400, 'CRM_FIELD_ERROR_VALUE_NOT_VALID', `Invalid value for field "${badTime}"`);
    if (stageId !== undefined && !isStage(type, String(stageId), Number(categoryId ?? 0)))
      throw refused(400, 'CRM_FIELD_ERROR_VALUE_NOT_VALID', 'Invalid value for field "stageId"');
    return stored;
  }
  const isStage = (type: number, stageId: string, categoryId: number): boolean => {
    if (type === 1) return leadStages.includes(stageId);
    const stages = ['NEW', 'PREPARATION', 'EXECUTING', 'WON', 'LOSE'];
    return stages.map((stage) => (categoryId === 0 ? stage : `C${categoryId}:${stage}`)).includes(stageId);
  };
  const phoneOf = (given: unknown, id = ++lastPhoneId): Phone => {
    const { typeId, valueType, value } = given as Partial<Phone>;
    return { id, typeId: String(typeId), valueType: valueType ?? 'WORK', value: String(value ?? '') };
  };
  /** Rows by key: `n0` is a new one, a number changes that row, an empty value removes it. */
  function changed(phones: readonly Phone[], fm: unknown): readonly Phone[] {
    if (typeof fm !== 'object' || fm === null || Array.isArray(fm)) return phones;
    let kept = [...phones];
    for (const [key, given] of Object.entries(fm as Readonly<Record<string, Partial<Phone>>>)) {
      if (/^n\d+$/.test(key)) kept.push(phoneOf(given));
      else if (given.value === '') kept = kept.filter(({ id }) => id !== Number(key));
      else kept = kept.map((phone) => (phone.id === Number(key) ? phoneOf({ ...phone, ...given }, phone.id) : phone));
    }
    return kept;
  }
  const semantics = (type: number, stageId: unknown) => {
    if (type !== 1 && type !== 2) return {};
    const stage = String(stageId).replace(/^C\d+:/, '');
    return { stageSemanticId: ['CONVERTED', 'WON'].includes(stage) ? 'S' : ['JUNK', 'LOSE'].includes(stage) ? 'F' : 'P' };
  };

  return {
    all: (entityTypeId) => rowsOf(entityTypeId)[1],
    find: (entityTypeId, id) => rows.get(entityTypeId)?.find((item) => item.id === Number(id)),
    add(entityTypeId, fields) {
      const [type, all] = rowsOf(entityTypeId);
      const stored = accepted(type, fields);
      const { fm = [] } = fields as { readonly fm?: unknown };
      if (!Array.isArray(fm)) throw refused(400, 100, 'Expected iterable value for multiple field, but got string instead');
      const stageId = type === 1 || type === 2 ? (stored.stageId ?? (type === 1 ? leadStages[0] : defaultDealStage(stored))) : undefined;
      lastId += 1;
      const item: Item = {
        ...Object.fromEntries((fieldsOf[type] ?? []).map((name) => [name, null])),
        ...stored,
        ...(stageId === undefined ? {} : { stageId }),
        ...semantics(type, stageId),
        id: lastId,
        createdTime: stamp(),
        updatedTime: stamp(),
        createdBy: userId,
        updatedBy: userId,
        assignedById: Number(stored.assignedById ?? userId),
        entityTypeId: type,
        fm: fm.map((each) => phoneOf(each)),
      };
      all.push(item);
      return item;
    },
    update(entityTypeId, id, fields) {
      const [type, all, item] = one(entityTypeId, id);
      const stored = accepted(type, { categoryId: item.categoryId, ...(fields as object) });
      const next: Item = {
        ...item,
        ...stored,
        ...semantics(type, stored.stageId ?? item.stageId),
        updatedTime: stamp(),
        fm: changed(item.fm, (fields as { readonly fm?: unknown }).fm),
      };
      all[all.indexOf(item)] = next;
      return next;
    },
    remove(entityTypeId, id) {
      const [, all, item] = one(entityTypeId, id);
      all.splice(all.indexOf(item), 1);
    },
    list(entityTypeId, { filter = {}, order = { id: 'ASC' }, select }) {
      const [type, all] = rowsOf(entityTypeId);
      const found = all.filter((item) => matches(item, filter as Params, new Set([...system, ...(fieldsOf[type] ?? [])])));
      const [[by, direction] = ['id', 'ASC']] = Object.entries(order as Params);
      const sign = String(direction).toUpperCase() === 'DESC' ? -1 : 1;
      found.sort((a, b) => sign * compare(a[by], b[by]));
      return found.map((item) => shown(item, select as readonly string[] | undefined));
    },
    withComm(entityTypeId, type, values) {
      const wanted = new Set(values.map((value) => normalised(type, value)));
      return (rows.get(entityTypeId) ?? [])
        .filter(({ fm }) => fm.some(({ typeId, value }) => typeId === type && wanted.has(normalised(type, value))))
        .map(({ id }) => id);
    },
  };
}

const defaultDealStage = ({ categoryId }: Params) => (Number(categoryId ?? 0) === 0 ? 'NEW' : `C${Number(categoryId)}:NEW`);
/** Ids are integers whatever they came as; a text that is no number becomes 0. */
function typed(name: string, value: unknown): unknown {
  if (/Id$/.test(name) && !['stageId', 'sourceId', 'currencyId', 'typeId', 'originatorId', 'originId'].includes(name))
    return Number.parseInt(String(value), 10) || 0;
  return value;
}
/** `fm` is no field of an item: only `*` brings it into a list. */
function shown({ fm, ...item }: Item, select: readonly string[] | undefined): Item {
  if (select?.includes('*')) return { ...item, fm };
  return Object.fromEntries(
    Object.entries(item).filter(([name]) => select === undefined || name === 'id' || select.includes(name)),
  ) as Item;
}
/** Extension cut, other characters dropped, a leading 00 or 011 dropped, 8 of eleven digits is 7 but for 80, 81 and 82. */
function normalised(type: string, value: string): string {
  if (type !== 'PHONE') return value.trim().toLowerCase();
  const [bare = ''] = value.split(/[#;,]|ext|доб/i);
  const digits = bare.replace(/\D/g, '').replace(/^(?:011|00)/, '');
  return /^8(?![012])\d{10}$/.test(digits) ? `7${digits.slice(1)}` : digits;
}

function matches(item: Item, filter: Params, fields: ReadonlySet<string>): boolean {
  const { logic, ...conditions } = filter;
  const results = Object.entries(conditions).map(([key, value]) => {
    if (/^\d+$/.test(key)) return matches(item, value as Params, fields);
    const [, operator = '', name = ''] = /^(>=|<=|!@|!=|=%|%=|[><@!=%]?)(.+)$/.exec(key) ?? [];
    if (!fields.has(name)) throw refused(400, 'INVALID_ARG_VALUE', `Invalid filter: field '${name}' is not allowed in filter`);
    if (/Time$/.test(name) && !isPortalTime(value)) throw refused(400, 'INVALID_ARG_VALUE', `Invalid filter: value of field '${name}'`);
    return compared(operator, item[name], value);
  });
  return String(logic).toUpperCase() === 'OR' ? results.some(Boolean) : results.every(Boolean);
}
function compared(operator: string, stored: unknown, value: unknown): boolean {
  const values = typeof value === 'object' && value !== null ? Object.values(value) : [value];
  const isOneOf = values.some((each) => compare(stored, each) === 0);
  switch (operator) {
    case '':
    case '=':
    case '@':
      return isOneOf;
    case '!':
    case '!=':
    case '!@':
      return !isOneOf;
    case '=%':
      // SQL's LIKE, which ignores case.
      return new RegExp(
        `^${String(value)
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replaceAll('%', '.*')}$`,
        'iu',
      ).test(String(stored ?? ''));
    case '%':
      return String(stored ?? '').includes(String(value));
    case '>':
      return compare(stored, value) > 0;
    case '>=':
      return compare(stored, value) >= 0;
    case '<':
      return compare(stored, value) < 0;
    case '<=':
      return compare(stored, value) <= 0;
    default:
      throw refused(400, 'INVALID_ARG_VALUE', 'Invalid filter');
  }
}
/** Numbers by their value, times by theirs, anything else as text. */
function compare(a: unknown, b: unknown): number {
  const [left, right] = [comparable(a), comparable(b)];
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return String(left) < String(right) ? -1 : Number(String(left) > String(right));
}
function comparable(value: unknown): number | string {
  const text = String(value ?? '');
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : text;
}
