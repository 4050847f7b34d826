/** HTTP for all services. It knows none of them by name; routes and permissions come from the contracts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { batched } from '../../adapters/store/batch.ts';
import { every, service } from '../../bus/service.ts';
import { gatherDependencies } from '../../bus/telemetry/dependency-reports.ts';
import { aliases } from '../../contracts/aliases.ts';
import { gateway } from '../../contracts/gateway.ts';
import { createAdmit } from './admit.ts';
import { type AppParts, type CallMethod, createApp } from './app.ts';
import { addDocuments } from './documents.ts';
import { addFeeds } from './feeds.ts';
import { createFigures } from './figures.ts';
import { addHealth } from './health.ts';
import { keyHandlers } from './key-handlers.ts';
import { createKeys } from './keys.ts';
import { listen } from './listen.ts';
import { buildInfo } from './metrics.ts';
import { noteKeyUses } from './note-key-uses.loop.ts';
import { readContracts } from './read-contracts.ts';
import { callableBy, routesOf, routesOfPort } from './routes.ts';
import { findKeys, forgetDecisions, insertDecision, noteUses } from './rows.ts';
import { gatewaySettings } from './settings.ts';

const contracts = await readContracts();
const methods = callableBy('gateway', contracts);
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** The sibling folders that contain a service. */
function serviceFolders(): readonly string[] {
  const services = new URL('../', import.meta.url);
  return readdirSync(services).filter((folder) => existsSync(new URL(`${folder}/service.ts`, services)));
}

export default service({
  serves: { gateway },
  uses: [...methods, gateway.key_revoked],
  discovers: true,
  settings: gatewaySettings,
}).start(async ({ settings, bus, db, cache, log, metrics, now }) => {
  // At most two concurrent statements look up keys, however many are guessed.
  const keys = createKeys({ find: batched((keyIds) => findKeys(db, keyIds)), now });
  const figures = createFigures({ bus, expected: settings.GATEWAY_EXPECTED_SERVICES ?? serviceFolders(), now });
  metrics.sample(() => [{ of: buildInfo, labels: { version, node: process.versions.node }, value: 1 }]);
  const routes = routesOf(methods, aliases);
  const ask: CallMethod = (method, input, options) => bus.call(method, input, options);
  const admit = createAdmit({ keys, cache, limit: { limit: settings.GATEWAY_RATE_LIMIT, windowMs: settings.GATEWAY_RATE_WINDOW_MS } });
  let isDraining = false;
  const parts: AppParts = {
    routes,
    ask,
    admit,
    decided: (decision) => insertDecision(db, decision),
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
  const health = { bus, db, cache, dependencies: gatherDependencies(bus, now), figures, version, isDraining: () => isDraining, now };
  const main = createApp(parts);
  addHealth(main, health);
  addDocuments(main, { routes, contracts, aliases, version, prefix: settings.POLYB_SUBJECT_PREFIX });
  const streams = addFeeds(main, { ask, admit, isLive: keys.isLive, options: { pollMs: 1_000, heartbeatMs: 15_000, mostFollowers: 200 } });
  const others = settings.GATEWAY_PORTS.map((each) => {
    const [port = 0, old = port] = each.split(':').map(Number);
    const app = createApp({ ...parts, routes: routesOfPort(routes, old) });
    addHealth(app, health);
    return { app, port };
  });
  const apps = [{ app: main, port: settings.GATEWAY_PORT }, ...others];
  await Promise.all(apps.map(({ app, port }) => listen(app, { host: settings.GATEWAY_HOST, port }, log)));
  const forgetKey = (keyId: string): void => {
    keys.forget(keyId);
    streams.endOf(keyId);
  };
  const hearing = bus.hear(gateway.key_revoked, (payload) => forgetKey(gateway.key_revoked.payload.parse(payload).keyId));

  const noteUsesNow = () => noteUses(db, keys.takeUses());
  return {
    gateway: keyHandlers(db, (keyId) => {
      forgetKey(keyId);
      bus.announce(gateway.key_revoked, { keyId });
    }),
    loops: [noteKeyUses(noteUsesNow), every('forget_audit', '41 3 * * *', () => forgetDecisions(db, settings.GATEWAY_AUDIT_DAYS))],
    stop: async () => {
      isDraining = true;
      hearing[Symbol.dispose]();
      await Promise.all(apps.map(({ app }) => app.close()));
      await noteUsesNow();
    },
  };
});
