/** The services that stand in a folder, and the settings that they read. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Service } from '../bus/service.ts';
import { common } from '../config/common.ts';
import type { Group } from '../config/read.ts';
import { connections as connectionNames, preferences } from '../config/settings.ts';

export interface Loaded {
  /** Folder, PM2 name and bus user in one. */
  readonly folder: string;
  readonly service: Service;
}
export const servicesDir = join(import.meta.dirname, '..', 'services');

/** The setting that holds the password of a service's bus user. */
export const passwordSetting = (folder: string): string => `NATS_PASSWORD_${folder.toUpperCase().replaceAll('-', '_')}`;

/** Names of folders with a `service.ts`. */
export async function serviceFolders(dir = servicesDir): Promise<readonly string[]> {
  const folders = await readdir(dir, { withFileTypes: true });
  const has = await Promise.all(
    folders
      .filter((each) => each.isDirectory())
      .map(async ({ name }) => ((await readdir(join(dir, name))).includes('service.ts') ? [name] : [])),
  );
  return has.flat().sort();
}
export async function loadServices(folders: readonly string[], dir = servicesDir): Promise<readonly Loaded[]> {
  return Promise.all(
    folders.map(async (folder) => ({
      folder,
      service: ((await import(pathToFileURL(join(dir, folder, 'service.ts')).href)) as { default: Service }).default,
    })),
  );
}

/** A service's own settings, the names of its vendors, and each vendor's settings where it is picked. */
export interface ServiceGroups {
  readonly own: Group;
  /** The setting that picks the vendor, by the name of its kind. */
  readonly kinds: Readonly<Record<string, Group>>;
  readonly vendors: Readonly<Record<string, Readonly<Record<string, Group>>>>;
}
/** The same groups each time, since settings are kept by group. */
export function groupsOf(loaded: Loaded): ServiceGroups {
  const known = groups.get(loaded) ?? makeGroups(loaded);
  groups.set(loaded, known);
  return known;
}
const groups = new WeakMap<Loaded, ServiceGroups>();

function makeGroups({ folder, service }: Loaded): ServiceGroups {
  const vendors = Object.entries(service.vendors);
  const lists = vendors.flatMap(([name, { connections }]) =>
    connections === undefined
      ? []
      : [
          [
            connections,
            connectionNames().describe(`Connections of ${folder} for ${name}; further ones read the settings behind their name.`),
          ],
        ],
  );
  return {
    own: { name: folder, settings: service.settings.extend(Object.fromEntries(lists)) },
    kinds: Object.fromEntries(
      vendors.map(([name, { setting, catalogue, fallback, connections, list }]) => {
        const names = Object.keys(catalogue) as [string, ...string[]];
        const kind = list
          ? preferences(names, fallback).describe(`Adapters that ${folder} uses for ${name}: the next one when one fails.`)
          : z
              .enum(names)
              .default(fallback)
              .describe(`Which adapter ${folder} uses for ${name}.`)
              .meta({ expected: names.join(', ') });
        return [name, { name: folder, settings: z.object({ [setting]: kind }), ...(connections !== undefined && { connections }) }];
      }),
    ),
    vendors: Object.fromEntries(
      vendors.map(([name, { setting, catalogue, connections, list }]) => [
        name,
        Object.fromEntries(
          Object.entries(catalogue).map(([vendor, { settings }]) => [
            vendor,
            {
              name: `${folder}: ${vendor}`,
              settings,
              when: { setting, is: vendor, ...(list && { inList: list }) },
              ...(connections !== undefined && { connections }),
            },
          ]),
        ),
      ]),
    ),
  };
}
/** The platform's group and those of every service and vendor, also of vendors that nobody picked. */
export function allGroups(services: readonly Loaded[]): readonly Group[] {
  return [common, ...services.flatMap((each) => flatGroups(groupsOf(each)))];
}
export function flatGroups({ own, kinds, vendors }: ServiceGroups): readonly Group[] {
  return [own, ...Object.values(kinds), ...Object.values(vendors).flatMap((byVendor) => Object.values(byVendor))];
}
