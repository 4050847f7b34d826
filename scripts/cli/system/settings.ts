/** All that is wrong with the settings of services, before anything is started. */
import { type FindSetting, namesInDotEnv } from '../../../config/env.ts';
import { connectionsOf, read, type Settings, settingsOf } from '../../../config/read.ts';
import { metaOf } from '../../../config/settings.ts';
import { operatorSetting } from '../../../runtime/own-server.ts';
import { allGroups, passwordSetting } from '../../../runtime/services.ts';
import { natsSettings } from '../kernel/connect.ts';
import { fromEnv } from '../kernel/flags.ts';
import { nearest } from '../kernel/nearest.ts';
import type { Expected } from './expected.ts';
import { oneProcessSetting } from './project.ts';

/** Settings of the services and of what they share. @throws PolybError failed_precondition/bad_settings (exit 78) with a line for each that is wrong. */
export function readSettings(services: readonly Expected[], find: FindSetting): Settings {
  return read(allGroups(services), find);
}

/** A line for each name in `.env` that nothing reads and that resembles a setting. @param services All there are. */
export function strayNames(services: readonly Expected[], find: FindSetting, root?: string): readonly string[] {
  const known = new Set(
    [
      ...allGroups(services).flatMap((group) =>
        connectionsOf(group, find).flatMap((connection) =>
          settingsOf(group, connection).flatMap(([name, schema]) => [name, ...(metaOf(schema).before ?? [])]),
        ),
      ),
      ...services.map(({ folder }) => passwordSetting(folder)),
      ...Object.values(fromEnv),
      ...natsSettings,
      operatorSetting,
      oneProcessSetting,
    ].flatMap((name) => [name, `${name}_FILE`]),
  );
  return namesInDotEnv(root).flatMap((name) => {
    const [close] = known.has(name) ? [] : nearest(name, [...known]);
    return close === undefined ? [] : [`${name} in .env is not a setting; did you mean ${close}?`];
  });
}
