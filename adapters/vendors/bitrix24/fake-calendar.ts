/** The calendars of the fake Bitrix24. Source: b24restdocs, calendar. It accepts events that overlap. */
import { type Params, refused } from './fake-items.ts';
import type { Did, Methods } from './fake-methods.ts';

export interface CalendarEvent {
  readonly ID: string;
  readonly OWNER_ID: string;
  readonly NAME: string;
  readonly DESCRIPTION: string;
  /** In the format of the portal. */
  readonly DATE_FROM: string;
  readonly DATE_TO: string;
  readonly DATE_FROM_TS_UTC: string;
  readonly DATE_TO_TS_UTC: string;
  readonly DT_SKIP_TIME: 'Y' | 'N';
  readonly ACCESSIBILITY: string;
  readonly UF_CRM_CAL_EVENT: readonly string[] | false;
  readonly DELETED: 'Y' | 'N';
}
export interface CalendarRecords {
  readonly events: CalendarEvent[];
  /** Of `calendar.settings.get`. */
  readonly settings: Record<string, unknown>;
}

const dayMs = 86_400_000;

export function calendarMethods({ did }: { readonly did: Did }): CalendarRecords & { readonly methods: Methods } {
  const events: CalendarEvent[] = [];
  const settings: Record<string, unknown> = {
    work_time_start: '9',
    work_time_end: '18',
    year_holidays: '1.01,2.01,23.02,8.03',
    year_workdays: '31.12',
    week_holidays: ['SA', 'SU'],
    week_start: 'MO',
  };
  let lastId = 1245;

  const required = (method: string, params: Params, names: readonly string[]) => {
    const missing = names.find((name) => params[name] === undefined);
    if (missing !== undefined) throw refused(400, '', `The required parameter "${missing}" for the method "${method}" is not set`);
  };
  const secondsOf = (given: unknown): number => Math.floor(Date.parse(String(given)) / 1000);
  const accepted = (params: Params, before?: CalendarEvent): CalendarEvent => {
    const { crm_fields: bound = before?.UF_CRM_CAL_EVENT ?? [] } = params;
    if (typeof bound !== 'object' || bound === null) throw refused(400, '', 'The list of event links to CRM must be an array');
    const [from, to] = [secondsOf(params.from), secondsOf(params.to)];
    return {
      ID: before?.ID ?? String(++lastId),
      OWNER_ID: String(params.ownerId),
      NAME: String(params.name ?? before?.NAME),
      DESCRIPTION: String(params.description ?? before?.DESCRIPTION ?? ''),
      DATE_FROM: portalFormat(from),
      DATE_TO: portalFormat(to),
      DATE_FROM_TS_UTC: String(from),
      DATE_TO_TS_UTC: String(to),
      DT_SKIP_TIME: params.skip_time === 'Y' ? 'Y' : 'N',
      ACCESSIBILITY: String(params.accessibility ?? before?.ACCESSIBILITY ?? 'busy'),
      UF_CRM_CAL_EVENT: Object.values(bound).length === 0 ? false : Object.values(bound).map(String),
      DELETED: 'N',
    };
  };
  const touching = (ownerId: unknown, { from, to }: Params) =>
    events.filter(
      (event) =>
        event.OWNER_ID === String(ownerId) &&
        Number(event.DATE_FROM_TS_UTC) * 1000 < Date.parse(String(to)) + dayMs &&
        Number(event.DATE_TO_TS_UTC) * 1000 >= Date.parse(String(from)),
    );

  const methods: Methods = {
    'calendar.settings.get': () => ({ result: settings }),
    'calendar.accessibility.get': (params) => {
      required('calendar.accessibility.get', params, ['users', 'from', 'to']);
      for (const name of ['from', 'to'])
        if (!/^\d{4}-\d\d-\d\d$/.test(String(params[name]))) throw refused(400, '', `Invalid value for the parameter "${name}"`);
      const users = Object.values(params.users as object).map(String);
      return { result: Object.fromEntries(users.map((id) => [id, touching(id, params)])) };
    },
    'calendar.event.add': (params) => {
      required('calendar.event.add', params, ['type', 'ownerId', 'name', 'from', 'to']);
      const event = accepted(params);
      events.push(event);
      did({ entity: 'event', id: event.ID, record: event });
      return { result: Number(event.ID) };
    },
    'calendar.event.update': (params) => {
      required('calendar.event.update', params, ['id', 'type', 'ownerId']);
      const found = events.find(({ ID }) => ID === String(params.id));
      if (found === undefined || found.OWNER_ID !== String(params.ownerId))
        throw refused(400, '', 'An error occurred while changing the event.');
      const event = accepted(params, found);
      events[events.indexOf(found)] = event;
      did({ entity: 'event', id: event.ID, record: event });
      return { result: Number(event.ID) };
    },
    'calendar.event.delete': (params) => {
      required('calendar.event.delete', params, ['id']);
      const found = events.find(({ ID }) => ID === String(params.id));
      if (found === undefined) throw refused(400, '', 'An error occurred while deleting the event');
      events.splice(events.indexOf(found), 1);
      did({ entity: 'event', id: found.ID, record: found });
      return { result: true };
    },
    'calendar.event.getbyid': (params) => {
      required('calendar.event.getbyid', params, ['id']);
      return { result: events.find(({ ID }) => ID === String(params.id)) ?? null };
    },
    'calendar.event.get': (params) => {
      required('calendar.event.get', params, ['type', 'ownerId']);
      return { result: touching(params.ownerId, params) };
    },
  };
  return { events, settings, methods };
}
/** `02.12.2024 11:00:00`, in Moscow. */
function portalFormat(seconds: number): string {
  const [date = '', time = ''] = new Date((seconds + 3 * 3600) * 1000).toISOString().slice(0, 19).split('T');
  return `${date.split('-').toReversed().join('.')} ${time}`;
}
