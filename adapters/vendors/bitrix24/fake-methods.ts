/** The REST methods of the fake Bitrix24 but for booking. Source: b24restdocs, the page of each method. */
import { createHash } from 'node:crypto';
import { entityTypes, type Items, isPortalTime, notFound, type Params, refused } from './fake-items.ts';

export interface MethodReply {
  readonly result: unknown;
  readonly total?: number;
  readonly next?: number;
}
export interface Caller {
  readonly isApplication: boolean;
}
export type Method = (params: Params, caller: Caller) => MethodReply;
export type Methods = Readonly<Record<string, Method>>;
/** Records one effect of a method. */
export type Did = (what: { readonly entity: string; readonly id: string; readonly record: unknown }) => void;

export interface Task {
  readonly id: string;
  readonly TITLE: string;
  readonly DESCRIPTION: string;
  readonly DEADLINE: string | null;
  readonly RESPONSIBLE_ID: string;
  readonly UF_CRM_TASK: readonly string[];
  readonly CHANGED_DATE: string;
}
export interface Comment {
  readonly ID: string;
  readonly ENTITY_ID: string;
  readonly ENTITY_TYPE: string;
  readonly CREATED: string;
  readonly COMMENT: string;
  readonly AUTHOR_ID: string;
  readonly FILES: object;
}
export interface Call {
  readonly CALL_ID: string;
  readonly key: string;
  readonly registeredAt: number;
  readonly params: Params;
  /** Seconds, once it is finished. */
  duration?: number;
  CRM_ACTIVITY_ID?: number;
  STATUS_CODE?: string;
}

/** 50 a page; a `start` of -1 turns counting off. */
export function paged<T>(all: readonly T[], params: Params, wrap: (page: readonly T[]) => unknown = (page) => page): MethodReply {
  const start = Math.max(0, Number(params.start ?? 0) || 0);
  const page = all.slice(start, start + 50);
  if (Number(params.start) === -1) return { result: wrap(page) };
  const next = start + 50 < all.length ? { next: start + 50 } : {};
  return { result: wrap(page), ...next, total: all.length };
}

export function crmMethods({
  items,
  did,
  stamp,
  now,
  userId,
}: {
  readonly items: Items;
  readonly did: Did;
  readonly stamp: () => string;
  readonly now: () => number;
  readonly userId: number;
}): { readonly methods: Methods; readonly tasks: Task[]; readonly comments: Comment[]; readonly calls: Call[] } {
  const tasks: Task[] = [];
  const comments: Comment[] = [];
  const calls: Call[] = [];
  const kindOf = (entityTypeId: unknown) => Object.entries(entityTypes).find(([, id]) => id === Number(entityTypeId))?.[0] ?? 'item';
  const required = (params: Params, name: string): unknown => {
    if (params[name] === undefined) throw refused(400, 100, `Could not find value for parameter {${name}}`);
    return params[name];
  };
  const onlyApplication = ({ isApplication }: Caller) => {
    if (!isApplication) throw refused(403, 'WRONG_AUTH_TYPE', 'Current authorization type is denied for this method');
  };

  const methods: Methods = {
    'crm.item.add': ({ entityTypeId, fields }) => {
      const item = items.add(entityTypeId, fields);
      did({ entity: kindOf(entityTypeId), id: String(item.id), record: item });
      return { result: { item } };
    },
    'crm.item.update': ({ entityTypeId, id, fields }) => {
      const item = items.update(entityTypeId, id, fields);
      did({ entity: kindOf(entityTypeId), id: String(item.id), record: item });
      return { result: { item } };
    },
    'crm.item.get': ({ entityTypeId, id }) => {
      const [found] = items.list(entityTypeId, { filter: { id: required({ id }, 'id') }, select: ['*'] });
      if (found === undefined) throw notFound();
      return { result: { item: found } };
    },
    'crm.item.list': (params) => paged(items.list(params.entityTypeId, params), params, (page) => ({ items: page })),
    'crm.duplicate.findbycomm': ({ type, values, entity_type: entityType }) => {
      if (type === undefined) throw refused(400, 'Communication type is not defined', "Parameter 'type' is required.");
      if (type !== 'PHONE' && type !== 'EMAIL')
        throw refused(400, `Communication type '${String(type)}' is not supported in current context`);
      if (typeof values !== 'object' || values === null) throw refused(400, 'Communication values is not defined');
      const wanted = Object.values(values).map(String).slice(0, 20);
      const found: [string, readonly number[]][] = [];
      for (const kind of ['LEAD', 'CONTACT', 'COMPANY']) {
        if (entityType !== undefined && entityType !== kind) continue;
        const ids = items.withComm(entityTypes[kind.toLowerCase()] ?? 0, type, wanted);
        if (ids.length > 0) found.push([kind, ids]);
        if (ids.length >= 20) break; // Twenty of one type hide the others.
      }
      return { result: found.length === 0 ? [] : Object.fromEntries(found) };
    },
    'crm.status.list': () => ({ result: [{ ENTITY_ID: 'STATUS', STATUS_ID: 'NEW', NAME: 'New' }] }),
    'crm.timeline.comment.add': ({ fields }) => {
      const { ENTITY_ID, ENTITY_TYPE, COMMENT } = required({ fields }, 'fields') as Params;
      if (ENTITY_ID === undefined || ENTITY_TYPE === undefined) throw refused(400, 100, 'Required fields are not provided');
      if (String(COMMENT ?? '') === '') throw refused(400, 'INVALID_ARG_VALUE', 'Empty comment');
      if (items.find(entityTypes[String(ENTITY_TYPE)] ?? 0, ENTITY_ID) === undefined)
        throw refused(400, 'OWNER_NOT_FOUND', 'Owner was not found');
      const comment: Comment = {
        ID: String(999 + comments.length),
        ENTITY_ID: String(ENTITY_ID),
        ENTITY_TYPE: String(ENTITY_TYPE),
        CREATED: stamp(),
        COMMENT: String(COMMENT),
        AUTHOR_ID: String(userId),
        FILES: {},
      };
      comments.push(comment);
      did({ entity: 'comment', id: comment.ID, record: comment });
      return { result: Number(comment.ID) };
    },
    'crm.timeline.comment.list': (params) => {
      const { ENTITY_ID, ENTITY_TYPE } = (params.filter ?? {}) as Params;
      if (items.find(entityTypes[String(ENTITY_TYPE)] ?? 0, ENTITY_ID) === undefined) throw refused(400, '', 'Access denied.');
      const found = comments.filter((each) => each.ENTITY_ID === String(ENTITY_ID) && each.ENTITY_TYPE === ENTITY_TYPE);
      const isDescending = String(((params.order ?? {}) as Params).ID).toUpperCase() === 'DESC';
      return paged(isDescending ? found.toReversed() : found, params);
    },
    'tasks.task.add': ({ fields }) => {
      const { TITLE, RESPONSIBLE_ID, DESCRIPTION, DEADLINE, UF_CRM_TASK = [] } = required({ fields }, 'fields') as Params;
      if (!TITLE) throw refused(400, 'ERROR_CORE', 'Task title is not specified<br>');
      if (DEADLINE !== undefined && !isPortalTime(DEADLINE)) throw refused(400, 'ERROR_CORE', 'Incorrect date in DEADLINE<br>');
      if (!RESPONSIBLE_ID) throw refused(400, 'ERROR_CORE', 'Responsible person is not specified<br>');
      const task: Task = {
        id: String(3711 + tasks.length),
        TITLE: String(TITLE),
        DESCRIPTION: String(DESCRIPTION ?? ''),
        DEADLINE: DEADLINE === undefined ? null : String(DEADLINE),
        RESPONSIBLE_ID: String(RESPONSIBLE_ID),
        UF_CRM_TASK: Object.values(UF_CRM_TASK as object).map(String),
        CHANGED_DATE: stamp(),
      };
      tasks.push(task);
      did({ entity: 'task', id: task.id, record: task });
      return { result: { task: shownTask(task) } };
    },
    'tasks.task.list': (params) => {
      const { UF_CRM_TASK, ID } = (params.filter ?? {}) as Params;
      const found = tasks.filter(
        (task) =>
          (UF_CRM_TASK === undefined || task.UF_CRM_TASK.includes(String(UF_CRM_TASK))) && (ID === undefined || task.id === String(ID)),
      );
      return paged(found.toReversed(), params, (page) => ({ tasks: page.map(shownTask) }));
    },
    'user.get': (params) => {
      const { ID } = (params.filter ?? params.FILTER ?? {}) as Params;
      const wanted = ID === undefined ? undefined : Object.values([ID].flat()).map(String);
      const user = { ID: String(userId), ACTIVE: true, NAME: 'Vera', LAST_NAME: 'Smirnova', WORK_POSITION: '', LAST_ACTIVITY_DATE: {} };
      return paged(wanted === undefined || wanted.includes(user.ID) ? [user] : [], params);
    },
    'telephony.externalCall.register': (params, caller) => {
      onlyApplication(caller);
      const { USER_ID, PHONE_NUMBER, TYPE, LINE_NUMBER = '', EXTERNAL_CALL_ID = '' } = params;
      if (USER_ID === undefined) throw refused(400, 'ERROR_CORE', 'USER_ID or USER_PHONE_INNER should be set');
      if (!['CONTACT', 'COMPANY', 'LEAD', ''].includes(String(params.CRM_ENTITY_TYPE ?? '')))
        throw refused(400, 'ERROR_CORE', 'Unknown CRM_ENTITY_TYPE');
      if (!/^[1-5]$/.test(String(TYPE))) throw refused(400, 'ERROR_CORE', 'Unknown TYPE');
      if (!isPortalTime(params.CALL_START_DATE ?? stamp()))
        throw refused(400, 'ERROR_CORE', 'CALL_START_DATE should be in the ISO-8601 format');
      const key = [PHONE_NUMBER, TYPE, USER_ID, LINE_NUMBER, EXTERNAL_CALL_ID].join(' ');
      const same = calls.find((call) => call.key === key && now() - call.registeredAt < 30 * 60_000);
      const call: Call = same ?? {
        CALL_ID: `externalCall.${createHash('md5').update(`${key}${calls.length}`).digest('hex')}.${Math.floor(now() / 1000)}`,
        key,
        registeredAt: now(),
        params,
      };
      if (same === undefined) calls.push(call);
      const { CRM_ENTITY_TYPE = '', CRM_ENTITY_ID = 0 } = params;
      return { result: { CALL_ID: call.CALL_ID, CRM_CREATED_LEAD: null, CRM_CREATED_ENTITIES: [], CRM_ENTITY_TYPE, CRM_ENTITY_ID } };
    },
    'telephony.externalCall.finish': ({ CALL_ID, USER_ID, DURATION = 0, STATUS_CODE }, caller) => {
      onlyApplication(caller);
      const call = calls.find((each) => each.CALL_ID === CALL_ID);
      if (call === undefined) throw refused(400, 'ERROR_CORE', 'Call is not found (call should be registered prior to finishing)');
      if (USER_ID === undefined) throw refused(400, 'ERROR_CORE', 'USER_ID or USER_PHONE_INNER should be set');
      call.duration = Number(DURATION);
      call.STATUS_CODE = String(STATUS_CODE ?? (call.duration > 0 ? '200' : '304'));
      call.CRM_ACTIVITY_ID = 7943 + calls.indexOf(call);
      did({ entity: 'call', id: call.CALL_ID, record: { ...call.params, DURATION: call.duration, STATUS_CODE: call.STATUS_CODE } });
      return { result: shownCall(call) };
    },
    'voximplant.statistic.get': (params) => {
      const { EXTERNAL_CALL_ID } = (params.FILTER ?? {}) as Params;
      const finished = calls.filter(({ duration }) => duration !== undefined).map(shownCall);
      return paged(
        finished.filter((call) => EXTERNAL_CALL_ID === undefined || call.EXTERNAL_CALL_ID === EXTERNAL_CALL_ID),
        params,
      );
    },
  };
  return { methods, tasks, comments, calls };
}

/** Names in camel case, ids as strings. */
function shownTask({ id, TITLE, DESCRIPTION, DEADLINE, RESPONSIBLE_ID, UF_CRM_TASK, CHANGED_DATE }: Task) {
  return {
    id,
    title: TITLE,
    description: DESCRIPTION,
    deadline: DEADLINE,
    status: '2',
    createdDate: CHANGED_DATE,
    responsibleId: RESPONSIBLE_ID,
    ufCrmTask: UF_CRM_TASK,
    changedDate: CHANGED_DATE,
  };
}
/** The start is an empty object in the reply of `finish`. */
function shownCall({ CALL_ID, params, duration, CRM_ACTIVITY_ID, STATUS_CODE }: Call) {
  return {
    ID: String(CRM_ACTIVITY_ID),
    CALL_ID,
    EXTERNAL_CALL_ID: params.EXTERNAL_CALL_ID ?? null,
    PHONE_NUMBER: params.PHONE_NUMBER,
    CALL_DURATION: duration,
    CALL_START_DATE: {},
    CALL_FAILED_CODE: STATUS_CODE,
    CRM_ACTIVITY_ID,
  };
}
