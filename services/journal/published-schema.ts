import { z } from 'zod';
import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

/** Validates a value by the JSON Schema that the serving service published.
 *  @throws PolybError invalid_argument */
export async function parsePublished(
  desk: Pick<JournalAdmin, 'schemas'>,
  method: string,
  side: 'input' | 'output',
  value: unknown,
): Promise<unknown> {
  const [schemas] = await desk.schemas([method]);
  if (schemas === undefined) return value;
  const checked = z.fromJSONSchema(schemas[side] as never).safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new PolybError('invalid_argument', `The ${side} does not fit ${method}: ${issue?.path.join('.') || side}: ${issue?.message}`);
}
