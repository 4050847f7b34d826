/** Whether contracts.json is current. */
import { isDeepStrictEqual } from 'node:util';
import { type Catalogue, readCatalogue } from '../kernel/catalogue.ts';
import { contractsOfCode } from './contracts.ts';

type Written = Pick<Catalogue, 'entries' | 'pipelines'>;

/** Addresses of entries and pipelines that contracts.json lacks, has otherwise, or has no longer any code for. */
export async function staleEntries(written?: Written): Promise<readonly string[]> {
  const before = written ?? (await readCatalogue());
  const now = await contractsOfCode();
  const differing = (a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>) =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((address) => !isDeepStrictEqual(a[address], b[address]));
  return [
    ...new Set([...differing(asJson(before.entries), asJson(now.entries)), ...differing(asJson(before.pipelines), asJson(now.pipelines))]),
  ];
}

const asJson = (value: object) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
