import type { z } from 'zod';
import { badSettings, type FindSetting, openSources } from './env.ts';
import { defaultOf, metaOf, show } from './settings.ts';

/** Settings that belong together. `when`: the group is read only if another setting has this value. */
export interface Group<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly settings: S;
  readonly when?: { readonly setting: string; readonly is: string };
}
export interface Settings {
  /** The values of a group. The group must have been read, and its `when` must apply. */
  of<S extends z.ZodObject>(group: Group<S>): z.output<S>;
  /** The source of each setting: `the environment`, `.env`, …, `default`, or `not set`. */
  readonly origins: Readonly<Record<string, string>>;
  /** Each setting in printable form. */
  readonly shown: Readonly<Record<string, string>>;
}

/** Reads every group. @throws PolybError failed_precondition/bad_settings with one line for each invalid setting of all groups. */
export function read(groups: readonly Group[], find: FindSetting = openSources()): Settings {
  const values = new Map<Group, unknown>();
  const origins: Record<string, string> = {};
  const shown: Record<string, string> = {};
  const problems: string[] = [];
  for (const group of groups.filter((each) => isWanted(each, groups, find))) {
    const raw: Record<string, string> = {};
    const blocked = new Set<string>();
    for (const [name, schema] of settingsOf(group)) {
      const found = find(...(metaOf(schema).before ?? []), name);
      if (found && 'problem' in found) {
        problems.push(found.problem);
        blocked.add(name);
      } else if (found) raw[name] = found.value;
      origins[name] = found && 'from' in found ? found.from : defaultOf(schema) === undefined ? 'not set' : 'default';
    }
    const parsed = group.settings.safeParse(raw);
    if (parsed.success) {
      values.set(group, parsed.data);
      for (const [name, schema] of settingsOf(group)) shown[name] = show(schema, parsed.data[name]);
    } else {
      const wrong = parsed.error.issues.filter(({ path: [name] }) => !blocked.has(String(name)));
      problems.push(...wrong.map(({ path, message }) => complaint(group, path, message, raw, origins)));
    }
  }
  if (problems.length > 0) throw badSettings(problems);
  return {
    of(group) {
      if (!values.has(group)) throw new TypeError(`the settings of ${group.name} were not read`);
      return values.get(group) as z.output<typeof group.settings>; // The schema of each setting returned this value above.
    },
    origins,
    shown,
  };
}

/** The named settings of a group. */
export function settingsOf(group: Group): readonly (readonly [string, z.ZodType])[] {
  return Object.entries(group.settings.shape) as [string, z.ZodType][]; // zod types the values of a shape as its core type.
}

function isWanted({ when }: Group, groups: readonly Group[], find: FindSetting): boolean {
  if (!when) return true;
  const found = find(when.setting);
  if (found) return 'value' in found && found.value === when.is;
  const schema = groups.map(({ settings }) => settings.shape[when.setting] as z.ZodType | undefined).find((each) => each !== undefined);
  return schema !== undefined && defaultOf(schema) === when.is;
}

function complaint(
  group: Group,
  path: readonly PropertyKey[],
  message: string,
  raw: Readonly<Record<string, string>>,
  origins: Readonly<Record<string, string>>,
): string {
  const name = String(path[0] ?? group.name);
  const schema = group.settings.shape[name] as z.ZodType | undefined;
  if (!schema) return `${name}: ${message}`;
  const { expected = message } = metaOf(schema);
  const given = raw[name];
  if (given === undefined) return `${name}: missing, expected ${expected}; set it in the environment or in .env`;
  return `${name}: expected ${expected}, got ${JSON.stringify(show(schema, given).slice(0, 60))} from ${origins[name]}`;
}
