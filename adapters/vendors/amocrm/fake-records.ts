/** The records of the fake amoCRM: what it stores, refuses and finds. */
import { Refusal } from '../../fake-server.ts';

export type FakeAmoRecord = { readonly id: number } & Record<string, unknown>;
export type Entity = 'contacts' | 'leads' | 'tasks' | 'notes';
export interface AmoRecords {
  all(entity: Entity): readonly FakeAmoRecord[];
  /** Creates a contact as staff would. */
  contact(contact: { readonly name?: string; readonly phones?: readonly string[]; readonly fields?: readonly object[] }): FakeAmoRecord;
  create(entity: Entity, items: unknown, more?: Readonly<Record<string, unknown>>): readonly FakeAmoRecord[];
  update(entity: Entity, id: number, changes: Record<string, unknown>): FakeAmoRecord;
  remove(entity: Entity, id: number): void;
  get(entity: Entity, id: number, query: URLSearchParams): object | undefined;
  list(entity: Entity, query: URLSearchParams, among?: (record: FakeAmoRecord) => boolean): readonly object[];
  /** Attaches calls by the last ten digits of their phones. */
  calls(items: unknown): { readonly calls: readonly FakeAmoRecord[]; readonly missing: number };
}

export const amoPipelines = {
  main: { id: 3177727, statuses: [32392156, 32392159] },
  deals: { id: 3177728, statuses: [32392256] },
} as const;
export const amoUsers = [
  { id: 504_141, name: 'Анна', rights: { is_active: true, is_admin: true } },
  { id: 504_142, name: 'Борис', rights: { is_active: true, is_admin: false } },
  { id: 504_143, name: 'Уволен', rights: { is_active: false, is_admin: false } },
] as const;
const statuses: readonly number[] = [...amoPipelines.main.statuses, ...amoPipelines.deals.statuses, 142, 143];
const pipelines: readonly number[] = [amoPipelines.main.id, amoPipelines.deals.id];
/** Text fields besides PHONE and EMAIL, and a date. */
export const amoFields = { contactReference: 650101, contactText: 650102, leadReference: 650201, leadCloseDate: 650202 } as const;
const fieldsOf = {
  contacts: [amoFields.contactReference, amoFields.contactText] as readonly number[],
  leads: [amoFields.leadReference, amoFields.leadCloseDate] as readonly number[],
};
const codes: Readonly<Record<string, readonly string[]>> = {
  PHONE: ['WORK', 'WORKDD', 'MOB', 'FAX', 'HOME', 'OTHER'],
  EMAIL: ['WORK', 'PRIV', 'OTHER'],
};

/** Fields of filters. */
const filtered = {
  id: 'id',
  entity_id: 'entity_id',
  entity_type: 'entity_type',
  note_type: 'note_type',
  task_type: 'task_type_id',
  is_completed: 'is_completed',
  responsible_user_id: 'responsible_user_id',
} as const;

const orders = ['complete_till', 'created_at'];

export function refused(status: number, title: string, more: object = {}): Refusal {
  const body = { title, type: `https://httpstatus.es/${status}`, status, detail: title, ...more };
  return new Refusal({ status, headers: { 'Content-Type': 'application/problem+json' }, body });
}
const invalid = (path: string, code: string) =>
  refused(400, 'Bad Request', {
    'validation-errors': [{ request_id: '0', errors: [{ code, path, detail: 'This value is not valid.' }] }],
    detail: 'Request validation failed',
  });

export function amoRecords({ now }: { readonly now: () => number }): AmoRecords {
  const rows: Record<Entity, FakeAmoRecord[]> = { contacts: [], leads: [], tasks: [], notes: [] };
  let lastId = 1_000_000;
  const seconds = () => Math.floor(now() / 1000);
  const find = (entity: Entity, id: number) => rows[entity].find((record) => record.id === id);

  function insert(entity: Entity, attributes: Record<string, unknown>): FakeAmoRecord {
    lastId += 7;
    const record = { created_at: seconds(), created_by: 0, is_deleted: false, ...attributes, updated_at: seconds(), id: lastId };
    rows[entity].push(record);
    return record;
  }
  function customFields(entity: 'contacts' | 'leads', given: unknown): readonly object[] | null {
    if (given === undefined || given === null) return null;
    if (!Array.isArray(given)) throw invalid('custom_fields_values', 'InvalidType');
    return given.map((field: Record<string, unknown>, nth) => {
      const at = `custom_fields_values.${nth}`;
      const code = field.field_code as string | undefined;
      const kinds = code === undefined ? undefined : codes[code];
      if (kinds === undefined ? !fieldsOf[entity].includes(field.field_id as number) : entity !== 'contacts')
        throw invalid(`${at}.field_id`, 'NotSupportedChoice');
      if (!Array.isArray(field.values) || field.values.length === 0) throw invalid(`${at}.values`, 'NotBlank');
      for (const value of field.values as Record<string, unknown>[]) {
        if ('enum' in value) throw invalid(`${at}.values.enum`, 'NotSupported');
        if (field.field_id === amoFields.leadCloseDate ? !isSeconds(value.value) : typeof value.value !== 'string')
          throw invalid(`${at}.values.value`, 'InvalidType');
        if (kinds !== undefined && value.enum_code !== undefined && !kinds.includes(value.enum_code as string))
          throw invalid(`${at}.values.enum_code`, 'NotSupportedChoice');
      }
      return { field_id: 178_382, field_name: code ?? 'Field', field_type: kinds === undefined ? 'text' : 'multitext', ...field };
    });
  }
  function embedded(given: unknown): Record<string, unknown> {
    const { tags = [], contacts = [] } = (given ?? {}) as { tags?: { name?: unknown }[]; contacts?: { id?: unknown }[] };
    for (const { name } of tags)
      if (typeof name !== 'string' || name === '' || name.length > 255) throw invalid('_embedded.tags.0.name', 'InvalidType');
    for (const { id } of contacts)
      if (typeof id !== 'number' || find('contacts', id) === undefined) throw invalid('_embedded.contacts.0.id', 'NotSupportedChoice');
    return { tags: tags.map(({ name }, nth) => ({ id: 900 + nth, name: (name as string).trim() })), contacts };
  }
  function checked(entity: Entity, item: Record<string, unknown>): Record<string, unknown> {
    switch (entity) {
      case 'contacts':
      case 'leads': {
        const { status_id: status, pipeline_id: pipeline, price } = item;
        if (status !== undefined && !statuses.includes(status as number)) throw invalid('status_id', 'NotSupportedChoice');
        if (pipeline !== undefined && !pipelines.includes(pipeline as number)) throw invalid('pipeline_id', 'NotSupportedChoice');
        if (price !== undefined && !Number.isInteger(price)) throw invalid('price', 'InvalidType');
        return {
          ...item,
          ...('custom_fields_values' in item && { custom_fields_values: customFields(entity, item.custom_fields_values) }),
          ...('_embedded' in item && { _embedded: embedded(item._embedded) }),
        };
      }
      case 'tasks':
        if (typeof item.text !== 'string' || item.text === '') throw invalid('text', 'NotBlank');
        if (!isSeconds(item.complete_till)) throw invalid('complete_till', 'InvalidType');
        if (item.entity_type !== 'leads' && item.entity_type !== 'contacts') throw invalid('entity_type', 'NotSupportedChoice');
        if (find(item.entity_type, item.entity_id as number) === undefined) throw invalid('entity_id', 'NotSupportedChoice');
        if (item.responsible_user_id !== undefined && !amoUsers.some(({ id }) => id === item.responsible_user_id))
          throw invalid('responsible_user_id', 'NotSupportedChoice');
        return { is_completed: false, duration: 0, ...item };
      case 'notes': {
        const params = (item.params ?? {}) as Record<string, unknown>;
        if (item.note_type === 'common' ? typeof params.text !== 'string' : !Number.isInteger(params.duration))
          throw invalid('params', 'InvalidType');
        if (!['common', 'call_in', 'call_out'].includes(item.note_type as string)) throw invalid('note_type', 'NotSupportedChoice');
        if (item.created_at !== undefined && !isSeconds(item.created_at)) throw invalid('created_at', 'InvalidType');
        return item;
      }
    }
  }
  const phonesOf = (record: FakeAmoRecord): readonly string[] =>
    ((record.custom_fields_values ?? []) as { field_code?: string; values: { value: unknown }[] }[])
      .filter(({ field_code: code }) => code === 'PHONE')
      .flatMap(({ values }) => values.map(({ value }) => String(value)));
  /** Texts of all filled fields, compared as they were typed. */
  const matches = (record: FakeAmoRecord, query: string): boolean =>
    [
      record.name,
      record.first_name,
      record.last_name,
      ...((record.custom_fields_values ?? []) as { values: { value: unknown }[] }[]).flatMap(({ values }) =>
        values.map(({ value }) => value),
      ),
    ].some((text) =>
      String(text ?? '')
        .toLowerCase()
        .includes(query.toLowerCase()),
    );
  const ofContact = (id: number) =>
    rows.leads.filter((lead) => ((lead._embedded as { contacts?: { id: number }[] })?.contacts ?? []).some((contact) => contact.id === id));
  function shown(entity: Entity, record: FakeAmoRecord, query: URLSearchParams): object {
    const { contacts: _, ...related } = (record._embedded ?? {}) as Record<string, unknown>;
    const withs = (query.get('with') ?? '').split(',');
    return {
      custom_fields_values: entity === 'contacts' || entity === 'leads' ? null : undefined,
      ...record,
      ...(entity === 'tasks' && { result: record.result ?? [] }),
      _embedded: {
        ...related,
        ...(entity === 'contacts' && withs.includes('leads') && { leads: ofContact(record.id).map(({ id }) => ({ id })) }),
        ...(entity === 'leads' && withs.includes('contacts') && { contacts: (record._embedded as { contacts?: unknown })?.contacts }),
      },
    };
  }

  const create: AmoRecords['create'] = (entity, items, more = {}) => {
    if (!Array.isArray(items) || items.length === 0 || items.length > 250)
      throw refused(400, 'Bad Request', { detail: 'Array of models expected' });
    const all = items.map((item: Record<string, unknown>) => checked(entity, item));
    return all.map((item, nth) =>
      insert(entity, {
        ...(entity === 'leads' && { pipeline_id: amoPipelines.main.id, status_id: amoPipelines.main.statuses[0] }),
        ...item,
        ...more,
        request_id: undefined,
        sent_request_id: (items[nth] as { request_id?: string }).request_id ?? String(nth),
      }),
    );
  };
  return {
    all: (entity) => rows[entity],
    contact: ({ name = '', phones = [], fields = [] }) =>
      insert('contacts', {
        name,
        first_name: name,
        last_name: '',
        custom_fields_values: [
          ...(phones.length === 0
            ? []
            : [{ field_id: 178_382, field_code: 'PHONE', values: phones.map((value) => ({ value, enum_code: 'WORK' })) }]),
          ...fields,
        ],
      }),
    create,
    update(entity, id, changes) {
      const record = find(entity, id);
      if (record === undefined) throw refused(404, 'Not Found');
      const { custom_fields_values: fields, ...rest } = checked(entity, { ...(entity === 'tasks' && record), ...changes });
      const stored = (record.custom_fields_values ?? []) as { field_id?: number; field_code?: string }[];
      const given = (fields ?? []) as typeof stored;
      const same = (a: (typeof stored)[number], b: (typeof stored)[number]) =>
        a.field_code === undefined ? a.field_id === b.field_id : a.field_code === b.field_code;
      Object.assign(record, rest, { updated_at: seconds() });
      // The values of a field are replaced.
      if (fields !== undefined) record.custom_fields_values = [...stored.filter((old) => !given.some((each) => same(old, each))), ...given];
      return record;
    },
    remove(entity, id) {
      rows[entity].splice(
        rows[entity].findIndex((record) => record.id === id),
        1,
      );
    },
    get(entity, id, query) {
      const record = find(entity, id);
      return record === undefined ? undefined : shown(entity, record, query);
    },
    list(entity, query, among = () => true) {
      const text = query.get('query');
      const all = (name: string) => [...query.getAll(`filter[${name}][]`), ...query.getAll(`filter[${name}]`)];
      // Filters of contacts are ignored unless an account has them switched on.
      const filters = entity === 'contacts' ? [] : Object.entries(filtered);
      const from = entity === 'contacts' ? null : query.get('filter[updated_at][from]');
      const until = entity === 'leads' ? query.get('filter[created_at][to]') : null;
      const found = rows[entity].filter(
        (record) =>
          among(record) &&
          (text === null || matches(record, text)) &&
          filters.every(([name, field]) => all(name).length === 0 || all(name).includes(textOf(record[field]))) &&
          (from === null || Number(record.updated_at) >= Number(from)) &&
          (until === null || Number(record.created_at) <= Number(until)),
      );
      const order = orders.find((each) => query.has(`order[${each}]`)) ?? 'id';
      const sign = query.get(`order[${order}]`) === 'desc' ? -1 : 1;
      found.sort((a, b) => sign * (Number(a[order]) - Number(b[order]) || a.id - b.id));
      return found.map((record) => shown(entity, record, query));
    },
    calls(items) {
      if (!Array.isArray(items)) throw refused(400, 'Bad Request', { detail: 'Array of models expected' });
      let missing = 0;
      const calls = items.flatMap((item: Record<string, unknown>) => {
        if (!['inbound', 'outbound'].includes(item.direction as string)) throw invalid('direction', 'NotSupportedChoice');
        const last = String(item.phone).replace(/\D/g, '').slice(-10);
        const contact = rows.contacts.find((each) => phonesOf(each).some((phone) => phone.replace(/\D/g, '').endsWith(last)));
        if (contact === undefined) {
          missing += 1;
          return [];
        }
        const active = ofContact(contact.id).filter(({ status_id: status }) => status !== 142 && status !== 143);
        const [entity, id] = active.length === 1 && active[0] ? ['leads', active[0].id] : ['contacts', contact.id];
        const { duration, source, phone, uniq, call_result, call_status } = item;
        const params = { duration, source, phone, uniq, call_result, call_status };
        const note_type = item.direction === 'inbound' ? 'call_in' : 'call_out';
        return create('notes', [{ note_type, params }], { entity_id: id, entity_type: entity });
      });
      return { calls, missing };
    },
  };
}

/** As a filter names it: booleans are 0 and 1. */
function textOf(value: unknown): string {
  return typeof value === 'boolean' ? String(Number(value)) : String(value);
}
/** Not milliseconds. */
function isSeconds(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 100_000_000_000;
}
