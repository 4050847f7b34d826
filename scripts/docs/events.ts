import type { Service } from '../../bus/service.ts';
import type { Exported } from '../../contracts/describe.ts';
import { fieldTable } from './fields.ts';
import { code, markdown, type Page, table } from './page.ts';

/** What happens, who tells it and who hears it. */
export function eventsPage(contracts: Exported, services: Readonly<Record<string, Service>>): Page {
  const events = Object.values(contracts.entries).filter(({ kind }) => kind === 'event');
  const foldersWhere = (test: (service: Service) => boolean) =>
    Object.entries(services)
      .filter(([, service]) => test(service))
      .map(([folder]) => code(folder))
      .join(', ');
  const tellers = (address: string) =>
    foldersWhere(({ serves }) => Object.values(serves).some((of) => Object.values(of).some((entry) => entry.address === address)));
  const hearers = (address: string) => foldersWhere(({ uses }) => uses.some((entry) => entry.address === address));
  return markdown('docs/reference/events.md', 'Events', [
    'Each stands on the subject `polyb.evt.<address>`. A service that must not miss one consumes it from the journal; on the bus it is a wake-up.',
    table(
      ['event', 'what', 'key', 'told by', 'heard by'],
      events.map(({ address, summary, key = '' }) => [
        `[${address}](#${anchor(address)})`,
        summary,
        code(key),
        tellers(address),
        hearers(address),
      ]),
    ),
    ...events.flatMap(({ address, summary, payload = {} }) => [`## ${address}`, summary, fieldTable(payload)]),
  ]);
}
/** As Markdown renderers make an anchor of a heading. */
function anchor(heading: string): string {
  return heading.replaceAll('.', '');
}
