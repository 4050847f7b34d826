import { isDeepStrictEqual } from 'node:util';
import type { AdminRow } from '../../adapters/store/journal-admin.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * A proposed input with the edit of a person. Omitted fields stay.
 * @param editable Fields that the method allows to edit; the recipient is never among them.
 * @throws PolybError invalid_argument/not_editable for any other field with a changed value.
 */
export function editedInput({ method, input }: Pick<AdminRow, 'method' | 'input'>, editable: readonly string[], edit: unknown): Fields {
  if (!isFields(edit) || !isFields(input))
    throw new PolybError('invalid_argument', `The input does not fit ${method}: expected an object with the fields to change.`);
  const barred = Object.keys(edit).filter(
    (name) => !editable.includes(name) && !isDeepStrictEqual(edit[name] ?? null, input[name] ?? null),
  );
  if (barred.length > 0) {
    const allowed = editable.length === 0 ? 'nothing' : `only ${editable.join(', ')}`;
    throw new PolybError(
      'invalid_argument',
      `${barred.slice(0, 5).join(', ').slice(0, 100)} must stay as proposed; in ${method} ${allowed} may be edited. To change more, reject the row and propose another.`,
      { reason: 'not_editable' },
    );
  }
  return { ...input, ...edit };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
