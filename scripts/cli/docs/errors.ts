import type { ContractsFile } from '../../../contracts/kit/describe.ts';
import { type Code, codes } from '../../../contracts/kit/errors.ts';
import { code, markdown, type Page, table } from './page.ts';

/** What a person who meets the code does. */
const advice = {
  invalid_argument: 'Mend the input; `data.issues` names each wrong field. `polyb describe <address>` shows what is expected.',
  unauthenticated: 'Give a key or a token that is valid.',
  permission_denied: 'Call as somebody whose role the method allows.',
  not_found: 'Check the id. For an owned thing: its holder is gone.',
  conflict: 'Look at what is there. A key that was used with another input is never repeated; make a new key.',
  failed_precondition: 'See the reason: it says which rule forbids it now, and `retryAfterMs` when that may change.',
  resource_exhausted: 'Wait `retryAfterMs`, then send again; nothing was begun.',
  cancelled: 'Nothing, if you cancelled. It may have happened: ask with the same key.',
  internal: 'Read the log of the service by the trace id; report it.',
  unimplemented: 'Use another vendor or method; `capabilities` says what is offered.',
  upstream_failed: 'It may have happened. Repeat only a read, an idempotent call, or a keyed one with its key.',
  unavailable: 'Nothing was begun; send again. `polyb status` shows whether the service and the bus are up.',
  deadline_exceeded: 'It may have happened. Repeat with the same key, or look the row up with `polyb runs show`.',
} as const satisfies Record<Code, string>;
const again = { never: 'never', always: 'yes', if_repeatable: 'if the call may be repeated' };

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
    'A failure is RFC 9457 problem+json, the same on the bus and over HTTP: `code` from this table, `reason` where one refines it, `outcome` says whether it may have happened.',
    table(
      ['code', 'HTTP', 'exit', 'send again', 'may have happened'],
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
