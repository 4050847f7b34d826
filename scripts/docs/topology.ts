import type { Service } from '../../bus/service.ts';
import { code, fenced, markdown, type Page, table } from './page.ts';

/** Which service calls and hears which, as their `serves` and `uses` say. */
export function topologyPage(services: Readonly<Record<string, Service>>): Page {
  const all = Object.entries(services);
  const homeOf = (address: string): string | undefined =>
    all.find(([, { serves }]) => Object.values(serves).some((of) => Object.values(of).some((entry) => entry.address === address)))?.[0];
  const arrows = all.flatMap(([folder, { uses }]) =>
    uses.flatMap(({ kind, address }) => {
      const home = homeOf(address);
      if (home === undefined || home === folder) return [];
      return [kind === 'event' ? `  ${home} -. ${address} .-> ${folder}` : `  ${folder} -- ${address} --> ${home}`];
    }),
  );
  return markdown('docs/reference/topology.md', 'Topology', [
    'A whole arrow is a call, a dotted one an event.',
    fenced('mermaid', ['flowchart LR', ...all.map(([folder]) => `  ${folder}`), ...arrows].join('\n')),
    table(
      ['service', 'serves', 'uses'],
      all.map(([folder, { serves, uses }]) => [
        code(folder),
        [...new Set(Object.values(serves).flatMap((of) => Object.values(of).map(({ service }) => service)))]
          .map((name) => `[${name}](services/${name}.md)`)
          .join(', '),
        uses.map(({ address }) => code(address)).join(', '),
      ]),
    ),
  ]);
}
