/** Records of 1C by a mapping: attributes, constants, references and the effects that create them. */
import { type lookUp as LookUp, lookUp } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { unsupported } from '../../unsupported.ts';
import type { OnecClient, OnecRecord } from './client.ts';
import type { MappedAbout, MappedRecord, MappedValue, Mapping } from './mapping.ts';
import { isKey, literal, localTime } from './odata.ts';

export type Kind = 'lead' | 'contact' | 'deal';
export type Attributes = Readonly<Record<string, unknown>>;
export interface OnecRecords {
  /** Attributes of the given values; a value without an attribute is left out, texts of one attribute become its lines. */
  compose(...parts: readonly (readonly [attribute: string | undefined, value: unknown])[]): Attributes;
  /** Values of the mapping, with the keys of the records that they name. */
  constants(values: Readonly<Record<string, MappedValue>>, signal: AbortSignal): Promise<Attributes>;
  /** The reference to what a record is about. @throws PolybError failed_precondition/crm_rejected: 1C would accept one to nothing. */
  about(to: MappedAbout, subject: { readonly kind: Kind; readonly id: string }, signal: AbortSignal): Promise<Attributes>;
  /** @throws PolybError failed_precondition/crm_rejected if there is no such record. */
  mustExist(kind: Kind, id: string, signal: AbortSignal): Promise<OnecRecord>;
  /** Null also for a record that is marked for deletion. */
  find(kind: Kind, id: string, signal: AbortSignal): Promise<OnecRecord | null>;
  findByReference(section: MappedRecord, ref: string, signal: AbortSignal): Promise<OnecRecord | undefined>;
  /** An effect that creates a record of the section. */
  effect<I, O>(
    section: MappedRecord,
    attributesOf: (input: I, signal: AbortSignal) => Promise<Attributes>,
    outputOf: (record: OnecRecord) => O,
  ): {
    attempt(input: I, at: { readonly ref: string; readonly signal: AbortSignal }): Promise<O>;
    readonly onUnknown: ReturnType<typeof LookUp<O>>;
  };
}

export function onecRecords({
  client,
  mapping,
  timeZone,
  settleMs,
  now,
}: {
  readonly client: OnecClient;
  readonly mapping: Mapping;
  readonly timeZone: string;
  readonly settleMs: number;
  readonly now: () => number;
}): OnecRecords {
  const sections = { lead: mapping.leads, contact: mapping.contacts, deal: mapping.deals } as const;
  const sectionOf = (kind: Kind): MappedRecord => {
    const section = sections[kind];
    if (section === undefined) throw unsupported('1C', `records about a ${kind}, which ONEC_MAPPING does not map`);
    return section;
  };
  const line = (ref: string) => `PolyB-Ref: ${ref}`;

  const keys = new Map<string, string>();
  async function keyOf({ entity, attribute, equals }: Exclude<MappedValue, string | number | boolean>, signal: AbortSignal) {
    const name = `${entity} ${attribute} ${equals}`;
    const known = keys.get(name);
    if (known !== undefined) return known;
    const found = await client.list(entity, { filter: `${attribute} eq ${literal.text(equals)}` }, signal);
    const key = found.find((record) => record[attribute] === equals)?.Ref_Key;
    if (key === undefined)
      throw new PolybError('failed_precondition', `1C has no ${entity} with ${attribute} "${equals}"; correct ONEC_MAPPING.`, {
        reason: 'crm_rejected',
        outcome: 'not_executed',
      });
    keys.set(name, key);
    return key;
  }

  const records: OnecRecords = {
    compose(...parts) {
      const attributes: Record<string, unknown> = {};
      for (const [attribute, value] of parts) {
        if (attribute === undefined || value === undefined) continue;
        const before = attributes[attribute];
        attributes[attribute] = typeof before === 'string' && typeof value === 'string' ? `${before}\n${value}` : value;
      }
      return attributes;
    },
    async constants(values, signal) {
      const attributes: Record<string, unknown> = {};
      for (const [attribute, value] of Object.entries(values))
        attributes[attribute] = typeof value === 'object' ? await keyOf(value, signal) : value;
      return attributes;
    },
    async find(kind, id, signal) {
      const { entity } = sectionOf(kind);
      const record = isKey(id) ? await client.get(entity, id, signal) : null;
      return record?.DeletionMark === true ? null : record;
    },
    async mustExist(kind, id, signal) {
      const record = await records.find(kind, id, signal);
      if (record !== null) return record;
      throw new PolybError('failed_precondition', `1C has no ${kind} ${id}.`, {
        reason: 'crm_rejected',
        data: { field: `${kind}Id` },
        outcome: 'not_executed',
      });
    },
    async about(to, { kind, id }, signal) {
      const { entity } = sectionOf(kind);
      const attribute = 'composite' in to ? to.composite : to[kind];
      if (attribute === undefined) throw unsupported('1C', `this record about a ${kind}, for which ONEC_MAPPING has no attribute`);
      await records.mustExist(kind, id, signal);
      return { [attribute]: id, ...('composite' in to && { [`${attribute}_Type`]: `StandardODATA.${entity}` }) };
    },
    async findByReference({ entity, reference: { attribute, as } }, ref, signal) {
      const condition =
        as === 'value' ? `${attribute} eq ${literal.text(ref)}` : `substringof(${literal.text(line(ref))},${attribute}) eq true`;
      const found = await client.list(entity, { filter: `${condition} and DeletionMark eq false` }, signal);
      return found.find((record) => {
        const kept = String(record[attribute] ?? '');
        return record.DeletionMark !== true && (as === 'value' ? kept === ref : kept.split(/\r?\n/).includes(line(ref)));
      });
    },
    effect: (section, attributesOf, outputOf) => ({
      async attempt(input, { ref, signal }) {
        const { entity, constants, createdAt, reference } = section;
        const own = await attributesOf(input, signal);
        const attributes = { ...(await records.constants(constants, signal)), ...own };
        const text = attributes[reference.attribute];
        const mark = reference.as === 'value' ? ref : line(ref);
        const body = {
          ...(createdAt !== undefined && { [createdAt]: localTime(now(), timeZone) }),
          ...attributes,
          [reference.attribute]: reference.as === 'line' && typeof text === 'string' ? `${text}\n${mark}` : mark,
        };
        return outputOf(await client.create(entity, body, signal));
      },
      onUnknown: lookUp(settleMs, async ({ ref }, signal) => {
        const record = await records.findByReference(section, ref, signal);
        return record === undefined ? null : outputOf(record);
      }),
    }),
  };
  return records;
}
