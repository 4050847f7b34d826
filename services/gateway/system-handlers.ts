/** What the gateway knows of the whole system: services, settings, methods and what waits. */
import type { Bus, HandlersOf } from '../../bus/service.ts';
import type { Contract, Entry, Method } from '../../contracts/kit/define.ts';
import { jsonSchema } from '../../contracts/kit/describe.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { system } from '../../contracts/system.ts';
import { countWaiting } from './counters.ts';
import { cursorAfter, placeAfter } from './cursor.ts';
import type { HttpRoute } from './routes.ts';
import { surveySettings } from './settings-survey.ts';
import type { Survey } from './survey.ts';

export interface SystemParts {
  readonly bus: Pick<Bus, 'gather'>;
  readonly prefix: string;
  readonly survey: Survey;
  readonly contracts: readonly Contract[];
  readonly routes: readonly HttpRoute[];
}
const folderForm = /^[a-z0-9-]{1,64}$/;

export function systemHandlers({ bus, prefix, survey, contracts, routes }: SystemParts): HandlersOf<typeof system> {
  const methods = new Map(
    contracts
      .flatMap((contract): readonly Entry[] => Object.values(contract))
      .filter((entry): entry is Method => entry.kind === 'method')
      .map((method) => [method.address, method]),
  );
  return {
    async survey_services({ show, limit, cursor }) {
      const after = placeAfter(cursor, folderForm) ?? '';
      const all = (await survey.services(show === 'traffic')).filter(({ service }) => service > after);
      const items = all.slice(0, limit);
      return { items, nextCursor: cursorAfter(all.length > limit ? (items.at(-1)?.service ?? null) : null) };
    },
    async list_settings({ service: only }, { signal }) {
      const services = (await survey.services(false)).filter(({ service }) => only === undefined || service === only);
      if (only !== undefined && services.length === 0)
        throw new PolybError('not_found', `There is no service ${only}; GET /api/v1/services lists them.`);
      const contractsOf = new Map(
        services.flatMap(({ service, instances }) => {
          const contract = instances[0]?.contracts[0]?.name;
          return contract === undefined ? [] : [[service, contract] as const];
        }),
      );
      return { settings: await surveySettings(bus, prefix, contractsOf, signal) };
    },
    async describe_method({ method: address }) {
      const method = methods.get(address);
      if (method === undefined)
        throw new PolybError('not_found', `There is no method ${address}; polyb list shows them.`, { reason: 'no_method' });
      const route = routes.find((each) => each.method === method && each.alias === undefined);
      return {
        ...{ method: address, summary: method.summary, version: method.version, idempotency: method.idempotency },
        ...{ timeoutMs: method.timeoutMs, reachesCustomer: method.reaches === 'customer', approval: method.approval },
        route: route === undefined ? null : `${route.verb} ${route.path}`,
        scope: route?.scope ?? null,
        people: [...(route?.people ?? [])],
        takesJson: method.http.body !== 'raw' && (method.http.reply ?? 'json') === 'json',
        errors: Object.entries(method.errors).map(([reason, declared]) => ({
          reason,
          code: typeof declared === 'string' ? declared : declared.code,
        })),
        input: inputShownTo(method),
        output: jsonSchema(method.output, 'output'),
        examples: [...method.examples],
      };
    },
    count_waiting: async ({ viewer }, { call }) => ({ items: [...(await countWaiting({ call, survey }, viewer))], nextCursor: null }),
  };
}

/** Without the fields that the gateway fills. */
function inputShownTo({ input, http: { actor, viewer } }: Method): object {
  const schema = jsonSchema(input, 'input');
  const filled = [actor, viewer];
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => !filled.includes(name));
  return { ...schema, ...(schema.properties === undefined ? {} : { properties: Object.fromEntries(properties) }) };
}
