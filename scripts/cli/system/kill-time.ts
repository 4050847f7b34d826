/** How long PM2 lets an app stop before it kills it: ecosystem.config.js reads it from run.json. */
import { common } from '../../../config/common.ts';
import { type Settings, settingsOf } from '../../../config/read.ts';
import { metaOf } from '../../../config/settings.ts';
import { groupsOf } from '../../../runtime/services.ts';
import type { Expected } from './expected.ts';
import type { RunValues } from './run-file.ts';

const prefix = 'POLYB_KILL_MS_';
/** For what follows the drain and the work in progress: last messages to far ends, connections. */
const closingMs = 10_000;

/** Of an app that runs these services; `settings` were read from the groups of the same objects. */
export function killMsOf(services: readonly Expected[], settings: Settings): number {
  const drainMs = services.map((each) => {
    const { own } = groupsOf(each);
    const values = settings.of(own) as Readonly<Record<string, unknown>>;
    return settingsOf(own)
      .filter(([, schema]) => metaOf(schema).drains === true)
      .reduce((sum, [name]) => sum + Number(values[name]), 0);
  });
  return Math.max(0, ...drainMs) + settings.of(common).POLYB_SHUTDOWN_MS + closingMs;
}

/** @param services those of this `up`, each with its app; what was known of others is kept */
export function killTimes(services: readonly (Expected & { readonly app: string })[], settings: Settings, before: RunValues): RunValues {
  return {
    ...Object.fromEntries(Object.entries(before).filter(([name]) => name.startsWith(prefix))),
    ...Object.fromEntries(
      [...Map.groupBy(services, ({ app }) => app)].map(([app, own]) => [
        `${prefix}${app.toUpperCase().replaceAll('-', '_')}`,
        String(killMsOf(own, settings)),
      ]),
    ),
  };
}
