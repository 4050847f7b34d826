/** The settings of a service as it reports them: with their sources, and of a secret only whether it is set. */
import type { ShownSetting } from '../bus/service.ts';
import { type Settings, settingsOf } from '../config/read.ts';
import { metaOf } from '../config/settings.ts';
import { allGroups, type Loaded } from './services.ts';

/** Of a setting that is a whole file. */
const longestValue = 2_000;

/** Those that were read: of adapters that are not picked there are none. */
export function shownSettings(loaded: Loaded, { origins, shown }: Settings): readonly ShownSetting[] {
  const told = new Map<string, ShownSetting>();
  for (const group of allGroups([loaded]))
    for (const connection of group.connections === undefined ? ['main'] : (shown[group.connections] ?? 'main').split(','))
      for (const [name, schema] of settingsOf(group, connection)) {
        const origin = origins[name];
        if (origin === undefined || told.has(name)) continue;
        const { description = '', secret: isSecret = false } = metaOf(schema);
        const isSet = !['default', 'not set'].includes(origin);
        const value = isSecret || origin === 'not set' ? null : (shown[name] ?? '').slice(0, longestValue);
        told.set(name, { name, group: group.name, value, isSecret, isSet, origin, what: description });
      }
  return [...told.values()];
}
