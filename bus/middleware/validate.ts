import type { Method } from '../../contracts/kit/define.ts';
import { mask } from '../../contracts/kit/describe/mask.ts';
import { type FieldIssue, PolybError } from '../../contracts/kit/errors.ts';
import { scrub } from '../../contracts/kit/scrub.ts';

type Schema = Method['input'];
type Issue = NonNullable<ReturnType<Schema['safeParse']>['error']>['issues'][number];

/** The parsed input. @throws PolybError invalid_argument with `{ issues }`, the first 20. */
export function validInput(address: string, schema: Schema, given: unknown): unknown {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) => fieldIssues(issue, schema, given)).slice(0, 20);
  const named = issues
    .slice(0, 3)
    .map(({ pointer, expected }) => `${pointer === '' ? '' : `${pointer.slice(1).replaceAll('/', '.')}: `}expected ${expected}`);
  const more = issues.length > 3 ? `; and ${issues.length - 3} more` : '';
  throw new PolybError('invalid_argument', `Bad input for ${address}: ${named.join('; ')}${more}`, { data: { issues } });
}

/** The parsed output. @throws PolybError internal/bad_output: the service is at fault. */
export function validOutput(address: string, schema: Schema, made: unknown): unknown {
  const result = schema.safeParse(made);
  if (result.success) return result.data;
  const places = result.error.issues.slice(0, 3).map((issue) => `${pointerOf(issue.path)}: expected ${expectedBy(issue)}`);
  throw new PolybError('internal', `${address} returned an output that does not fit its contract.`, {
    reason: 'bad_output',
    cause: new TypeError(places.join('; ')),
  });
}

function fieldIssues(issue: Issue, schema: Schema, given: unknown): FieldIssue[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), expected: 'no such field', given: '***' }));
  return [{ pointer: pointerOf(issue.path), expected: expectedBy(issue), given: givenAt(issue.path, mask(schema, given)) }];
}

/** RFC 6901. Names come from the caller, so unusual characters are replaced. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${shown(String(step)).replace(/[^\w.-]/g, '?')}`).join('');
}
function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.slice(0, 20).map(String).join(', ')}`;
    case 'invalid_union':
      return 'one of the forms that the schema allows';
    default:
      return issue.message.replace(/^(Invalid input: |Too big: |Too small: |Invalid string: |Invalid )/, '').replace(/^expected /, '');
  }
}
function givenAt(path: readonly PropertyKey[], masked: unknown): string {
  let value = masked;
  for (const step of path) value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined;
  if (value === undefined) return 'nothing';
  const text = typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : String(value);
  return `${shown(text)}${text.length > 40 ? '…' : ''}`;
}
/** The first 40 characters, scrubbed in a longer text: half a phone number would not be recognized. */
function shown(text: string): string {
  return scrub(text.slice(0, 500)).slice(0, 40);
}
