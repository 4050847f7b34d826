import type { z } from 'zod';
import { badSettings, type FindSetting, openSources } from './env.ts';
import { defaultOf, metaOf, show } from './settings.ts';

/** Settings that belong together. */
export interface Group<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly settings: S;
  /** The group is read only if another setting has this value, or contains it in its list. */
  readonly when?: { readonly setting: string; readonly is: string; readonly inList?: true };
  /**
   * The setting that lists connections. The group is read once for each: `main` reads the plain names, `salon` the same names behind
   * its own (`SALON_CRM_KIND`).
   */
  readonly connections?: string;
}
export interface Settings {
  /** The values of a group, under their plain names. The group must have been read, and its `when` must apply. */
  of<S extends z.ZodObject>(group: Group<S>, connection?: string): z.output<S>;
  /** The source of each setting: `the environment`, `.env`, …, `default`, or `not set`. */
  readonly origins: Readonly<Record<string, string>>;
  /** Each setting in printable form. */
  readonly shown: Readonly<Record<string, string>>;
}

/** Reads every group. @throws PolybError failed_precondition/bad_settings with one line for each invalid setting of all groups. */
export function read(groups: readonly Group[], find: FindSetting = openSources()): Settings {
  const values = new Map<Group, Map<string, unknown>>();
  const origins: Record<string, string> = {};
  const shown: Record<string, string> = {};
  const problems: string[] = [];
  for (const group of groups)
    for (const connection of connectionsOf(group, find)) {
      const prefix = prefixOf(connection);
      if (!isWanted(group, prefix, groups, find)) continue;
      const raw: Record<string, string> = {};
      const blocked = new Set<string>();
      for (const [name, schema] of settingsOf(group)) {
        const full = `${prefix}${name}`;
        const found = find(...(metaOf(schema).before ?? []).map((former) => `${prefix}${former}`), full);
        if (found && 'problem' in found) {
          problems.push(found.problem);
          blocked.add(name);
        } else if (found) raw[name] = found.value;
        origins[full] = found && 'from' in found ? found.from : defaultOf(schema) === undefined ? 'not set' : 'default';
      }
      const parsed = group.settings.safeParse(raw);
      if (parsed.success) {
        values.set(group, (values.get(group) ?? new Map()).set(connection, parsed.data));
        for (const [name, schema] of settingsOf(group)) shown[`${prefix}${name}`] = show(schema, parsed.data[name]);
      } else {
        const wrong = parsed.error.issues.filter(({ path: [name] }) => !blocked.has(String(name)));
        problems.push(...wrong.map(({ path, message }) => complaint({ group, prefix }, path, message, raw, origins)));
      }
    }
  if (problems.length > 0) throw badSettings(problems);
  return {
    of(group, connection = 'main') {
      const found = values.get(group)?.get(connection);
      if (found === undefined) throw new TypeError(`the settings of ${group.name} were not read for ${connection}`);
      return found as z.output<typeof group.settings>; // The schema of each setting returned this value above.
    },
    origins,
    shown,
  };
}

/** The named settings of a group, under the names that a connection reads. */
export function settingsOf(group: Group, connection = 'main'): readonly (readonly [string, z.ZodType])[] {
  const settings = Object.entries(group.settings.shape) as [string, z.ZodType][]; // zod types the values of a shape as its core type.
  return settings.map(([name, schema]) => [`${prefixOf(connection)}${name}`, schema]);
}
/** The connections for which a group is read, `main` first. What the list should be, its own setting says. */
export function connectionsOf({ connections }: Pick<Group, 'connections'>, find: FindSetting): readonly string[] {
  const found = connections === undefined ? undefined : find(connections);
  return [...new Set(['main', ...(found && 'value' in found ? namesIn(found.value) : [])])];
}
function namesIn(listed: string): readonly string[] {
  return listed
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
const prefixOf = (connection: string): string => (connection === 'main' ? '' : `${connection.toUpperCase()}_`);

function isWanted({ when }: Group, prefix: string, groups: readonly Group[], find: FindSetting): boolean {
  if (!when) return true;
  const found = find(`${prefix}${when.setting}`);
  if (found) return 'value' in found && (when.inList ? namesIn(found.value) : [found.value]).includes(when.is);
  const schema = groups.map(({ settings }) => settings.shape[when.setting] as z.ZodType | undefined).find((each) => each !== undefined);
  return schema !== undefined && [defaultOf(schema)].flat().includes(when.is);
}
/** The condition as text: `CRM_KIND=espocrm`, `LLM_KIND contains openai`. */
export function conditionOf({ setting, is, inList }: NonNullable<Group['when']>): string {
  return inList ? `${setting} contains ${is}` : `${setting}=${is}`;
}

function complaint(
  { group, prefix }: { readonly group: Group; readonly prefix: string },
  path: readonly PropertyKey[],
  message: string,
  raw: Readonly<Record<string, string>>,
  origins: Readonly<Record<string, string>>,
): string {
  const plain = String(path[0] ?? group.name);
  const schema = group.settings.shape[plain] as z.ZodType | undefined;
  if (!schema) return `${plain}: ${message}`;
  const name = `${prefix}${plain}`;
  const { expected = message } = metaOf(schema);
  const given = raw[plain];
  if (given === undefined) return `${name}: missing, expected ${expected}; set it in the environment or in .env`;
  return `${name}: expected ${expected}, got ${JSON.stringify(show(schema, given).slice(0, 60))} from ${origins[name]}`;
}
