/** `polyb crm` and `polyb company`. */
import type { Command, Flag } from '../../../scripts/cli/kernel/command.ts';

const connectionFlag: Flag = { name: 'connection', value: 'NAME', summary: 'The connection of CRM_CONNECTIONS; default main.' };
const bookingFlag: Flag = { name: 'booking', summary: 'The connection is one of BOOKING_CONNECTIONS.' };

export default [
  {
    name: 'crm',
    summary: 'Show, test, pause and authorise the connections to CRMs and booking systems.',
    impact: 'rw',
    commands: [
      {
        name: 'connections',
        summary: 'Show every connection, its system and its state; exit with 9 if one does not work.',
        impact: 'ro',
        details: [
          'States: ok, needs_reauthorisation (a person must consent again), paused (by a person, or by the limit of the provider), blocked (the provider blocks this address), broken (the last request failed).',
        ],
        examples: [{ line: 'polyb crm connections' }],
        seeAlso: ['crm capabilities', 'crm connect', 'doctor'],
        run: async () => (await import('./connections.ts')).showConnections,
      },
      {
        name: 'capabilities',
        summary: 'Show which methods each system supports: native, emulated or not at all.',
        usage: '[SYSTEM]',
        impact: 'ro',
        details: ['Reads the adapters, also of systems that no connection uses. It needs no running service.'],
        examples: [{ line: 'polyb crm capabilities' }, { line: 'polyb crm capabilities amocrm -o json' }],
        seeAlso: ['crm connections'],
        run: async () => (await import('./capabilities.ts')).showCapabilities,
      },
      {
        name: 'connect',
        summary: 'Let a person consent at the CRM, and store the tokens.',
        usage: 'SYSTEM',
        impact: 'rw',
        completes: ['amocrm', 'bitrix24'],
        flags: [
          connectionFlag,
          { name: 'callback', value: 'URL', summary: 'The address that the browser showed in the end, if it cannot reach this machine.' },
        ],
        details: [
          'Prints the address of the page of consent, and waits for the browser at the redirect URI of the integration if it is on this machine (http://127.0.0.1:PORT/…). Otherwise consent, and give the address that the browser shows in the end with --callback. A callback of another account or another request is refused.',
          'The settings of the integration come first: polyb config list crm-connector.',
        ],
        examples: [
          { line: 'polyb crm connect amocrm' },
          { line: "polyb crm connect amocrm --callback 'https://desk.example/oauth?code=…'" },
        ],
        seeAlso: ['crm connections', 'config list'],
        run: async () => (await import('./connect.ts')).connectSystem,
      },
      {
        name: 'webhooks',
        summary: 'Show the addresses to which CRMs and booking systems deliver changes.',
        impact: 'ro',
        details: ['Enter the address at the provider, below the public address of the gateway. Each contains a secret of its connection.'],
        examples: [{ line: 'polyb crm webhooks' }],
        seeAlso: ['crm connections'],
        run: async () => (await import('./connections.ts')).showWebhooks,
      },
      {
        name: 'differences',
        summary: 'Show people whose data differ between a booking system and the primary CRM.',
        impact: 'ro',
        flags: [
          { name: 'limit', value: 'N', summary: 'At most this many; default 50.' },
          { name: 'cursor', value: 'CURSOR', summary: 'Start of the next page.' },
        ],
        details: ['Nothing is overwritten: correct one of the two systems by hand. A pair is compared again with the next appointment.'],
        examples: [{ line: 'polyb crm differences' }],
        seeAlso: ['crm connections'],
        run: async () => (await import('./connections.ts')).showDifferences,
      },
      {
        name: 'test',
        summary: 'Search a person who is known to be there, so that a filter that finds nothing is noticed.',
        usage: 'PHONE',
        impact: 'ro',
        flags: [connectionFlag, bookingFlag],
        details: [
          'Exits with 9 if the system answers and finds nobody: its filter may be ignored, or the number is stored in another form.',
        ],
        examples: [{ line: 'polyb crm test +79995553322' }, { line: 'polyb crm test +79995553322 --booking --connection salon' }],
        seeAlso: ['crm connections'],
        run: async () => (await import('./connections.ts')).testConnection,
      },
      {
        name: 'pause',
        summary: 'Send no request over a connection until it is resumed.',
        impact: 'rw',
        flags: [connectionFlag, bookingFlag, { name: 'reason', value: 'TEXT', summary: 'Shown in crm connections.' }],
        details: ['Calls are refused with unavailable/paused; keyed work waits in the journal and goes on after crm resume.'],
        examples: [{ line: 'polyb crm pause --reason "the provider moves"' }],
        seeAlso: ['crm resume', 'pause'],
        run: async () => (await import('./connections.ts')).pauseConnection,
      },
      {
        name: 'resume',
        summary: 'Send requests over a paused connection again.',
        impact: 'rw',
        flags: [connectionFlag, bookingFlag],
        examples: [{ line: 'polyb crm resume' }],
        seeAlso: ['crm pause'],
        run: async () => (await import('./connections.ts')).resumeConnection,
      },
    ],
  },
  {
    name: 'company',
    summary: 'Show or replace the company of the built-in booking calendar.',
    impact: 'rw',
    commands: [
      {
        name: 'show',
        summary: 'Show the services, the employees and their hours.',
        impact: 'ro',
        flags: [connectionFlag],
        examples: [{ line: 'polyb company show' }, { line: 'polyb company show -o json > company.json' }],
        seeAlso: ['company import'],
        run: async () => (await import('./company.ts')).showCompany,
      },
      {
        name: 'import',
        summary: 'Replace the company by that of a file. Appointments stay.',
        usage: 'FILE',
        impact: 'rw',
        completes: 'file',
        flags: [
          connectionFlag,
          { name: 'dry-run', summary: 'Check the file and show what it says; change nothing.' },
          { name: 'table', value: 'NAME', summary: 'What a CSV holds: services (default) or clients.' },
          { name: 'encoding', value: 'NAME', summary: 'Of a CSV: utf-8 or windows-1251; found by itself if absent.' },
          {
            name: 'columns',
            value: 'FILE',
            summary: 'JSON with the header of each column: {"name": "Наименование", "price": "Цена, руб"}.',
          },
        ],
        details: [
          'FILE is JSON in the form of services/crm-connector/salon.json, which company show -o json prints too. Every mistake is named with its place.',
          'A FILE.csv adds to the company instead: services are matched by name, new ones are for every employee; clients are created unless one with the phone exists. Delimiter , ; or tab, decimal comma, lengths as 90, 1:30 or 1 ч 30 мин. The first rows are shown before anything is written.',
        ],
        examples: [
          { line: 'polyb company import services/crm-connector/salon.json' },
          { line: 'polyb company import salon.json --dry-run' },
          { line: 'polyb company import clients.csv --table clients --encoding windows-1251' },
        ],
        seeAlso: ['company show'],
        run: async () => (await import('./company.ts')).importCompany,
      },
    ],
  },
] satisfies readonly Command[];
