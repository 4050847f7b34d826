/** The reference of this system in a record: EspoCRM has no idempotency keys. */
import type { EspoClient, EspoEntity, EspoRecord, Where } from './client.ts';

export function espoReferences(espo: EspoClient, referenceField: string | undefined) {
  /** A note has no description and accepts no custom field. */
  const placeOf = (entity: EspoEntity) => (entity === 'Note' ? 'post' : (referenceField ?? 'description'));
  const line = (ref: string) => `PolyB-Ref: ${ref}`;
  function carries(entity: EspoEntity, record: EspoRecord, ref: string): boolean {
    const place = placeOf(entity);
    const kept = textOf(record[place]) ?? '';
    return place === referenceField ? kept === ref : kept.split(/\r?\n/).includes(line(ref));
  }
  return {
    carries,
    withReference(entity: EspoEntity, attributes: Readonly<Record<string, unknown>>, ref: string): object {
      const place = placeOf(entity);
      return { ...attributes, [place]: place === referenceField ? ref : lines(attributes[place], line(ref)) };
    },
    async findByReference(entity: EspoEntity, ref: string, signal: AbortSignal): Promise<EspoRecord | undefined> {
      const attribute = placeOf(entity);
      const where: Where =
        attribute === referenceField ? { type: 'equals', attribute, value: ref } : { type: 'contains', attribute, value: line(ref) };
      // `contains` also finds longer references, and treats _ and % as wildcards.
      return (await espo.list(entity, [where], {}, signal)).find((record) => carries(entity, record, ref));
    },
  };
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
export function lines(...parts: readonly unknown[]): string | undefined {
  const kept = parts.flatMap((part) => textOf(part) ?? []);
  return kept.length === 0 ? undefined : kept.join('\n');
}
