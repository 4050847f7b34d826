/** HTTP for all services. It knows none of them by name; routes and permissions come from the contracts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { z } from 'zod';
import { identityAdapters } from '../../adapters/identity/index.ts';
import { batched } from '../../adapters/store/batch.ts';
import { every, service } from '../../bus/service.ts';
import { dependencyReports, gatherPings } from '../../bus/telemetry/dependency-reports.ts';
import { aliases } from '../../contracts/aliases.ts';
import { feeds } from '../../contracts/feeds.ts';
import { gateway } from '../../contracts/gateway.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { Event } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { people } from '../../contracts/people.ts';
import { system } from '../../contracts/system.ts';
import { createAdmit } from './admit.ts';
import { type AppParts, type CallMethod, createApp } from './app.ts';
import { addDocuments } from './documents.ts';
import { addFeeds } from './feeds.ts';
import { createFigures } from './figures.ts';
import { addHealth } from './health.ts';
import { keyHandlers } from './key-handlers.ts';
import { createKeys, type Identity } from './keys.ts';
import { listen } from './listen.ts';
import { localPrograms, requireOwnMachine } from './local-programs.ts';
import { buildInfo } from './metrics.ts';
import { noteKeyUses } from './note-key-uses.loop.ts';
import { onChatAssigned } from './on-chat-assigned.ts';
import { onHistoryForgotten } from './on-history-forgotten.ts';
import { onPersonErased } from './on-person-erased.ts';
import { onPhoneOwnersChanged } from './on-phone-owners-changed.ts';
import { openStreams } from './open-streams.ts';
import { ownersIn } from './owners.ts';
import { addPages, type Deployment } from './pages.ts';
import { createLogIn } from './people/log-in.ts';
import { createPasswords } from './people/password.ts';
import { peopleHandlers } from './people/people-handlers.ts';
import { createProviderLogIn } from './people/provider-log-in.ts';
import { addProviderRoutes, returnPath } from './people/provider-routes.ts';
import { findSessions, forgetSessions, noteSessionUses } from './people/rows.ts';
import { addSessionRoutes } from './people/session-routes.ts';
import { createSessions } from './people/sessions.ts';
import { createStartSession, noteIn } from './people/start-session.ts';
import { readContracts } from './read-contracts.ts';
import { rememberServices } from './remember-services.loop.ts';
import { callableBy, openableBy, routesOf, routesOfPort, streamRoutesOf, streamRoutesOfPort } from './routes.ts';
import { type Decision, findKeys, findServices, forgetDecisions, insertDecision, noteServices, noteUses } from './rows.ts';
import { gatewaySettings } from './settings.ts';
import type { StreamReplyParts } from './stream-route.ts';
import { createSurvey, respondingIn } from './survey.ts';
import { systemHandlers } from './system-handlers.ts';

const contracts = await readContracts();
const methods = callableBy('gateway', contracts);
const openable = openableBy('gateway', contracts);
/** Event streams and streams of contracts that are open at a time. */
const mostStreams = 400;
const heartbeatMs = 15_000;
async function* nothing(): AsyncGenerator<never> {}
/** After which a topic of the event stream is read. */
const announcements = [...new Set(Object.values(feeds).flatMap(({ wakes = [] }) => wakes))];
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

function deploymentOf(
  { GATEWAY_ENVIRONMENT: name, GATEWAY_ENVIRONMENT_KIND: kind, PEOPLE_PASSWORDS: hasPasswords }: z.output<typeof gatewaySettings>,
  provider: string | undefined,
): Deployment {
  return {
    ...(name === undefined ? {} : { environment: { name, kind } }),
    ...(provider === undefined ? {} : { provider: { name: provider, hasPasswords } }),
  };
}
/** The sibling folders that contain a service. */
function serviceFolders(): readonly string[] {
  const services = new URL('../', import.meta.url);
  return readdirSync(services).filter((folder) => existsSync(new URL(`${folder}/service.ts`, services)));
}

export default service({
  serves: { gateway, people, system },
  uses: [
    ...methods,
    ...openable,
    ...new Set<Event>([
      ...[gateway.key_revoked, people.session_ended],
      ...[inbox.chat_assigned, inbox.phone_owners_changed, inbox.history_forgotten, inbox.person_erased],
      ...announcements,
    ]),
  ],
  discovers: true,
  settings: gatewaySettings,
  vendors: { identity: { setting: 'IDENTITY_KIND', catalogue: identityAdapters, fallback: 'none' } },
}).start(async ({ settings, vendors: { identity: provider }, bus, db, cache, secretKey, log, metrics, now }) => {
  if (provider === null && !settings.PEOPLE_PASSWORDS)
    throw new PolybError('failed_precondition', 'PEOPLE_PASSWORDS=false leaves nobody a way to log in: set IDENTITY_KIND.', {
      reason: 'bad_settings',
    });
  if (settings.GATEWAY_PORTS_WITHOUT_KEYS) requireOwnMachine(settings);
  // At most two concurrent statements look up keys, however many are guessed.
  const keys = createKeys({ find: batched((keyIds) => findKeys(db, keyIds)), now });
  const known = { find: () => findServices(db), note: (services: readonly string[]) => noteServices(db, services) };
  const expected = settings.GATEWAY_EXPECTED_SERVICES ?? serviceFolders();
  const pings = gatherPings(bus, now);
  const figures = createFigures({ bus, expected, known, responding: async () => respondingIn(await pings()), now });
  metrics.sample(() => [{ of: buildInfo, labels: { version, node: process.versions.node }, value: 1 }]);
  const routes = routesOf(methods, aliases);
  const streamRoutes = streamRoutesOf(openable);
  const ask: CallMethod = (method, input, options) => bus.call(method, input, options);
  const idleMs = settings.PEOPLE_SESSION_IDLE_MS;
  const sessions = createSessions({
    find: batched((tokenHashes) => findSessions(db, tokenHashes, idleMs)),
    now,
    needsSecondFactor: settings.PEOPLE_SECOND_FACTOR,
  });
  const limit = { limit: settings.GATEWAY_RATE_LIMIT, windowMs: settings.GATEWAY_RATE_WINDOW_MS };
  const admit = createAdmit({ keys, sessions, cache, limit });
  const owners = ownersIn(db);
  const decided = (decision: Decision) => insertDecision(db, decision);
  let isDraining = false;
  const isLive = async (identity: Identity) =>
    identity === localPrograms || (identity.session === undefined ? keys.isLive(identity) : sessions.isLive(identity));
  const opened = openStreams(isLive, mostStreams);
  const streamReplies: StreamReplyParts = {
    open: (stream, input, options) => bus.open(stream, input, nothing(), options),
    openStreams: opened,
    heartbeatMs,
    silenceMs: 30_000,
  };
  const parts: AppParts = {
    routes,
    streams: { ...streamReplies, routes: streamRoutes },
    ask,
    admit,
    decided,
    owners,
    changed: () => streams.wake(),
    observed: figures.observed,
    log,
    options: {
      bodyLimitBytes: settings.GATEWAY_BODY_LIMIT_BYTES,
      requestTimeoutMs: settings.GATEWAY_REQUEST_TIMEOUT_MS,
      maxConnections: settings.GATEWAY_MAX_CONNECTIONS,
      maxInFlight: settings.GATEWAY_MAX_IN_FLIGHT,
      trustedProxies: settings.GATEWAY_TRUSTED_PROXIES,
      requireIfMatch: settings.GATEWAY_REQUIRE_IF_MATCH,
    },
  };
  const dependencies = async () => dependencyReports(await pings());
  const health = { bus, db, cache, dependencies, figures, version, isDraining: () => isDraining, now };
  const main = createApp(parts);
  addHealth(main, health);
  addDocuments(main, { routes, streamRoutes, contracts, aliases, version, prefix: settings.POLYB_SUBJECT_PREFIX });
  addPages(main, deploymentOf(settings, provider?.name));
  const streams = addFeeds(main, {
    ask,
    admit,
    owners,
    openStreams: opened,
    options: { pollMs: 1_000, heartbeatMs },
  });
  const publicUrl = settings.GATEWAY_PUBLIC_URL ?? `http://${settings.GATEWAY_HOST}:${settings.GATEWAY_PORT}`;
  const sessionEnded = (sessionId: string): void => {
    forgetSession(sessionId);
    bus.announce(people.session_ended, { sessionId });
  };
  const deskUrl = `${publicUrl}/desk`;
  const passwords = createPasswords();
  const note = noteIn(decided);
  const startSession = createStartSession({ db, sessions, note, totalMs: settings.PEOPLE_SESSION_MS });
  addSessionRoutes(main, {
    ...{ db, passwords, sessions, startSession, note, routes, idleMs, ended: sessionEnded, hasPasswords: settings.PEOPLE_PASSWORDS },
    logIn: createLogIn({ db, cache, passwords, secretKey, now }),
    // Without a reply of the provider, the session here has ended all the same.
    providerLogOut: async () => provider?.logOutAddress(`${deskUrl}/`).catch(() => null) ?? null,
  });
  if (provider !== null) {
    const returnTo = `${publicUrl}${returnPath}`;
    const logIn = createProviderLogIn({ provider, commit: bus.commit, cache, secretKey, now, returnTo });
    addProviderRoutes(main, { logIn, startSession, note, ended: sessionEnded, log });
  }
  const admitToPorts = createAdmit({ keys, sessions, cache, limit, withoutKeys: settings.GATEWAY_PORTS_WITHOUT_KEYS });
  const others = settings.GATEWAY_PORTS.map((each) => {
    const [port = 0, old = port] = each.split(':').map(Number);
    const app = createApp({
      ...parts,
      admit: admitToPorts,
      routes: routesOfPort(routes, old),
      streams: { ...streamReplies, routes: streamRoutesOfPort(streamRoutes, old) },
    });
    addHealth(app, health);
    return { app, port };
  });
  const apps = [{ app: main, port: settings.GATEWAY_PORT }, ...others];
  await Promise.all(apps.map(({ app, port }) => listen(app, { host: settings.GATEWAY_HOST, port }, log)));
  const forgetSession = (sessionId: string): void => {
    sessions.forget(sessionId);
    opened.endOf(sessionId);
  };
  const forgetKey = (keyId: string): void => {
    keys.forget(keyId);
    opened.endOf(keyId);
  };
  const hearing = [
    bus.hear(gateway.key_revoked, (payload) => forgetKey(gateway.key_revoked.payload.parse(payload).keyId)),
    ...announcements.map((event) => bus.hear(event, () => streams.wake(event.address))),
    bus.hear(people.session_ended, (payload) => forgetSession(people.session_ended.payload.parse(payload).sessionId)),
  ];

  const noteUsesNow = async (): Promise<void> => {
    await noteUses(db, keys.takeUses());
    await noteSessionUses(db, sessions.takeUses());
  };
  return {
    gateway: keyHandlers(db, (keyId) => {
      forgetKey(keyId);
      bus.announce(gateway.key_revoked, { keyId });
    }),
    system: systemHandlers({
      ...{ bus, prefix: settings.POLYB_SUBJECT_PREFIX, contracts, routes },
      survey: createSurvey({ figures, pings, expected }),
    }),
    people: peopleHandlers({ db, commit: bus.commit, routes: [...routes, ...streamRoutes], idleMs, deskUrl, now, ended: sessionEnded }),
    on: [onChatAssigned(() => streams.wake()), onPhoneOwnersChanged(() => streams.wake()), onHistoryForgotten(), onPersonErased()],
    loops: [
      rememberServices(figures),
      noteKeyUses(noteUsesNow),
      every('forget_audit', '41 3 * * *', async () => {
        await forgetDecisions(db, settings.GATEWAY_AUDIT_DAYS);
        await forgetSessions(db, settings.GATEWAY_AUDIT_DAYS);
      }),
    ],
    stop: async () => {
      isDraining = true;
      for (const each of hearing) each[Symbol.dispose]();
      await Promise.all(apps.map(({ app }) => app.close()));
      await noteUsesNow();
    },
  };
});
