/** States of the connections, for people. */
import { z } from 'zod';
import type { Booking } from '../../adapters/booking/port.ts';
import type { Crm } from '../../adapters/crm/port.ts';
import { type Consent, connectionState } from '../../adapters/oauth.ts';
import { unsupported } from '../../adapters/unsupported.ts';
import { type Connections, connectionFor, type Database, type HandlersOf } from '../../bus/service.ts';
import type { DependencyReport } from '../../bus/telemetry/dependency-reports.ts';
import { actorOf } from '../../contracts/common.ts';
import type { connections as contract } from '../../contracts/connections.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { ConsentStates } from './consent-state.ts';
import type { Paused, Pauses } from './pauses.ts';
import { differingLinks } from './rows/links.ts';
import { webhookSecret } from './webhook.ts';

type Item = OutputOf<typeof contract.list>['items'][number];
type State = Pick<Item, 'state' | 'since' | 'detail'>;
export interface ConnectionParts {
  readonly crm: Connections<Crm>;
  readonly booking: Connections<Booking>;
  readonly pauses: Pauses;
  readonly consentStates: ConsentStates;
  readonly webhookKey: () => Uint8Array;
  /** What the instances of all services say of their dependencies. */
  readonly reports: () => Promise<readonly DependencyReport[]>;
  readonly db: Database;
  readonly now: () => number;
}
/** The name of a connection in the health of the service. */
export const dependencyOf = (kind: Item['kind'], connection: string): string => `${kind}:${connection}`;

export function connectionHandlers({
  crm,
  booking,
  pauses,
  consentStates,
  webhookKey,
  reports,
  db,
  now,
}: ConnectionParts): HandlersOf<typeof contract> {
  const all = () => [
    ...[...crm].map(([connection, adapter]) => ({ kind: 'crm' as const, connection, adapter })),
    ...[...booking].map(([connection, adapter]) => ({ kind: 'booking' as const, connection, adapter })),
  ];
  const adapterOf = ({ kind, connection }: { readonly kind: Item['kind']; readonly connection: string }): Crm | Booking =>
    connectionFor<Crm | Booking>(kind === 'crm' ? crm : booking, { connection });
  /** Undefined for a connection whose tokens are good, or that has none to need. A calendar uses the tokens of the CRM. */
  async function tokenState({ connection, system }: Pick<Item, 'connection' | 'system'>): Promise<State | undefined> {
    const account = crm.get(connection);
    if (account?.consent === undefined || account.capabilities().crm !== system) return undefined;
    const { state } = await connectionState(db, { connection, vendor: system }, now);
    return state === 'ok' ? undefined : { state, since: null, detail: adviceFor(state, { connection, system }) };
  }
  return {
    async list() {
      const [paused, told] = await Promise.all([pauses.all(), reports()]);
      const items = all().map(async ({ adapter, ...at }): Promise<Item> => {
        const each = { ...at, ...systemOf(adapter.capabilities()) };
        const pause = paused.find(({ kind, connection }) => kind === each.kind && connection === each.connection);
        const report = told.find(({ target }) => target === dependencyOf(each.kind, each.connection));
        return { ...each, ...(pauseState(pause) ?? (await tokenState(each)) ?? reportState(report, each)) };
      });
      return { items: await Promise.all(items) };
    },
    async test(input, { signal }) {
      const adapter = adapterOf(input);
      const began = now();
      const people =
        'findContacts' in adapter
          ? await adapter.findContacts(input.phoneNumber, signal)
          : await adapter.findClients(input.phoneNumber, signal);
      return { found: people.length, ms: Math.max(0, now() - began), system: systemOf(adapter.capabilities()).system };
    },
    async differences({ limit, cursor }) {
      const found = await differingLinks(db, limit, placeOf(cursor));
      const items = found.map(({ checkedAt, differs, ...link }) => ({
        ...link,
        differs: [...differs],
        checkedAt: checkedAt.toISOString(),
      }));
      const last = items.length === limit ? items.at(-1) : undefined;
      return {
        items,
        nextCursor: last === undefined ? null : Buffer.from(JSON.stringify([last.connection, last.clientId])).toString('base64url'),
      };
    },
    async webhooks() {
      const items = all().flatMap(({ kind, connection, adapter }) => {
        if (adapter.webhooks === undefined) return [];
        const path = `/api/v1/${kind}/webhooks/${connection}/${webhookSecret(webhookKey(), kind, connection)}`;
        return [{ kind, connection, system: systemOf(adapter.capabilities()).system, path }];
      });
      return { items };
    },
    async begin_consent({ connection }) {
      const adapter = connectionFor(crm, { connection });
      const { redirectUri, url } = consentOf(adapter);
      return { system: adapter.capabilities().crm, url: url(consentStates.issue(connection)), redirectUri };
    },
    async finish_consent({ connection, callback }, { signal }) {
      const adapter = connectionFor(crm, { connection });
      const consent = consentOf(adapter);
      await consent.accept(callback, consentStates.verified(connection, callback.state), signal);
      return { system: adapter.capabilities().crm };
    },
    async pause({ kind, connection, reason, onBehalfOf }, { caller }) {
      adapterOf({ kind, connection });
      return { changed: await pauses.pause({ kind, connection, reason: reason ?? null, by: actorOf(caller, onBehalfOf) }) };
    },
    async resume({ kind, connection }) {
      adapterOf({ kind, connection });
      return { changed: await pauses.resume({ kind, connection }) };
    },
  };
}

const Place = z.tuple([z.string().max(20), z.string().max(64)]);
/** @throws PolybError invalid_argument */
function placeOf(cursor: string | undefined): z.output<typeof Place> {
  if (cursor === undefined) return ['', ''];
  try {
    return Place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new PolybError('invalid_argument', 'The cursor is not one of connections.differences.');
  }
}
function consentOf({ consent, capabilities }: Crm): Consent {
  if (consent !== undefined) return consent;
  throw unsupported(
    capabilities().crm,
    'consent; the connection has a key or a token of its own, or the settings of its OAuth application are missing',
  );
}
function systemOf(found: ReturnType<Crm['capabilities']> | ReturnType<Booking['capabilities']>): Pick<Item, 'system' | 'methods'> {
  return { system: 'crm' in found ? found.crm : found.system, methods: found.methods };
}
function pauseState(paused: Paused | undefined): State | undefined {
  if (paused === undefined) return undefined;
  const { reason, by, since } = paused;
  return { state: 'paused', since: since.toISOString(), detail: `${by} paused it${reason === null ? '' : `: ${reason}`}` };
}
function reportState(report: DependencyReport | undefined, at: Pick<Item, 'connection' | 'system'>): State {
  if (report === undefined) return { state: 'ok', since: null, detail: null };
  const since = new Date(report.since).toISOString();
  if (report.failure === null) return { state: 'ok', since, detail: null };
  const [code = '', reason = code] = report.failure.split('/');
  const state = stateByReason[reason] ?? 'broken';
  return { state, since, detail: `${report.failure}; ${adviceFor(state, at)}` };
}
const stateByReason: Readonly<Record<string, Item['state']>> = {
  reauthorise: 'needs_reauthorisation',
  blocked: 'blocked',
  rate_limited: 'paused',
  resource_exhausted: 'paused',
  quota: 'paused',
  paused: 'paused',
};
function adviceFor(state: Item['state'], { connection, system }: Pick<Item, 'connection' | 'system'>): string {
  switch (state) {
    case 'needs_reauthorisation':
      return `consent again: polyb crm connect ${system}${connection === 'main' ? '' : ` --connection ${connection}`}`;
    case 'blocked':
      return 'the provider blocks this address; requests stop until it ends. Ask the provider if it does not';
    case 'paused':
      return 'the provider limits requests; they go on by themselves';
    default:
      return 'check the settings of the connection and the provider';
  }
}
