import type { ContractsFile } from '../../../contracts/kit/describe.ts';
import { type Code, codes } from '../../../contracts/kit/errors.ts';
import { code, markdown, type Page, table } from './page.ts';

/** What a person who meets the code does. */
const advice = {
  invalid_argument: 'Correct the input; `data.issues` names each wrong field. `polyb describe <address>` shows the schema.',
  unauthenticated: 'Provide a valid API key or token.',
  permission_denied: 'Call as a user whose role the method allows.',
  not_found: 'Check the id. For a method with an owner: no instance holds the object any longer.',
  conflict: 'Read the current state. If the key was used with another input, use a new key.',
  failed_precondition: 'See the reason: it names the rule that forbids the request now; `retryAfterMs` says when that may change.',
  resource_exhausted: 'Nothing was started. Wait `retryAfterMs`, then repeat the request.',
  cancelled: 'The request may have been executed: repeat it with the same key to get its outcome.',
  internal: 'Read the log of the service under the trace id, and report the defect.',
  unimplemented: 'Use another provider or method; the method `capabilities`, where a contract has one, lists what the provider offers.',
  upstream_failed: 'The request may have been executed. Repeat it only if it is a read, idempotent, or keyed, and then with the same key.',
  unavailable: 'Nothing was started; repeat the request. `polyb status` shows whether the service and the bus are up.',
  deadline_exceeded: 'The request may have been executed. Repeat it with the same key, or find the row with `polyb runs show`.',
} as const satisfies Record<Code, string>;
const again = { never: 'never', always: 'yes', if_repeatable: 'if the method may be repeated' };

export function errorsPage(contracts: ContractsFile): Page {
  const rows = Object.values(contracts.entries).flatMap(({ address, errors = {} }) =>
    Object.entries(errors).map(([reason, name]) => ({ reason, name, address })),
  );
  const reasons = [...Map.groupBy(rows, ({ reason, name }) => `${reason} ${name}`).values()]
    .map((same) => ({
      reason: same[0]?.reason ?? '',
      name: same[0]?.name ?? '',
      methods: same.map(({ address }) => code(address)).join(', '),
    }))
    .sort((a, b) => (a.reason < b.reason ? -1 : 1));
  return markdown('docs/reference/errors.md', 'Errors', [
    'A failure is RFC 9457 problem+json, the same on the bus and over HTTP: `code` from this table, `reason` where one refines it, `outcome` says whether the request was executed.',
    table(
      ['code', 'HTTP', 'exit', 'repeat', 'may have been executed'],
      Object.entries(codes).map(([name, { http, exit, retry, outcome }]) => [
        `[${name}](#${name})`,
        String(http),
        String(exit),
        again[retry],
        outcome === 'unknown' ? 'yes' : 'no',
      ]),
    ),
    ...Object.entries(codes).flatMap(([name, { title }]) => [`## ${name}`, `${title}. ${advice[name as Code]}`]),
    '## Reasons',
    table(
      ['reason', 'code', 'methods'],
      reasons.map(({ reason, name, methods }) => [code(reason), code(name), methods]),
    ),
  ]);
}
