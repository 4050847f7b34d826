/** Which methods each CRM and booking system supports, as a page. */
import { allCapabilities, type SystemCapabilities } from '../../../services/crm-connector/capabilities.ts';
import { code, markdown, type Page, table } from './page.ts';

const signs = { native: 'native', emulated: 'emulated', unsupported: '–' } as const;

export function capabilitiesPage(all: readonly SystemCapabilities[] = allCapabilities()): Page {
  return markdown('docs/reference/capabilities.md', 'CRMs and booking systems', [
    'Which methods each adapter supports: native, emulated (composed of other requests), or not at all (–; `unimplemented`, reason `unsupported`, before any request). `polyb crm capabilities` prints the same table. What depends on the rights of a connection, `polyb crm connections -o json` says.',
    ...(['crm', 'booking'] as const).flatMap((kind) => {
      const systems = all.filter((each) => each.kind === kind);
      const methods = [...new Set(systems.flatMap((each) => Object.keys(each.methods)))];
      return [
        `## ${kind}`,
        table(
          ['method', ...systems.map(({ system }) => system)],
          methods.map((method) => [code(method), ...systems.map((each) => signs[each.methods[method] ?? 'unsupported'])]),
        ),
      ];
    }),
  ]);
}
