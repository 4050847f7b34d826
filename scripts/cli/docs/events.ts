import type { ContractsFile } from '../../../contracts/kit/describe.ts';
import type { Loaded } from '../../../runtime/services.ts';
import { fieldTable } from './fields.ts';
import { code, markdown, type Page, table } from './page.ts';
import { serversOf } from './topology.ts';

/** What happens, who tells it and who hears it. */
export function eventsPage(contracts: ContractsFile, services: readonly Loaded[]): Page {
  const events = Object.values(contracts.entries).filter(({ kind }) => kind === 'event');
  const hearers = (address: string) =>
    services.filter(({ service }) => service.uses.some((entry) => entry.address === address)).map(({ folder }) => folder);
  const list = (folders: readonly string[]) => folders.map(code).join(', ');
  return markdown('docs/reference/events.md', 'Events', [
    'The subject of an event is `polyb.evt.<address>`. A consumer reads events from the journal and misses none; the message on the bus only wakes it.',
    table(
      ['event', 'description', 'key', 'emitted by', 'consumed by'],
      events.map(({ address, service, summary, key = '' }) => [
        `[${address}](#${anchor(address)})`,
        summary,
        code(key),
        list(serversOf(service, services)),
        list(hearers(address)),
      ]),
    ),
    ...events.flatMap(({ address, summary, payload = {} }) => [`## ${address}`, summary, fieldTable(payload)]),
  ]);
}
/** As Markdown renderers make an anchor of a heading. */
function anchor(heading: string): string {
  return heading.replaceAll('.', '');
}
