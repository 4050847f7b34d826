import type { Loaded } from '../../../runtime/services.ts';
import { code, fenced, markdown, type Page, table } from './page.ts';

/** Names of the contracts that a service serves. */
function contractsOf({ service: { serves } }: Loaded): readonly string[] {
  return [...new Set(Object.values(serves).flatMap((contract) => Object.values(contract).map(({ service }) => service)))];
}
/** Folders of the services that serve a contract. */
export function serversOf(contract: string, services: readonly Loaded[]): readonly string[] {
  return services.filter((each) => contractsOf(each).includes(contract)).map(({ folder }) => folder);
}

/** Which service calls and hears which, as their `serves` and `uses` say. */
export function topologyPage(services: readonly Loaded[]): Page {
  const arrows = services.flatMap(({ folder, service: { uses } }) =>
    uses.flatMap(({ kind, address, service }) =>
      serversOf(service, services)
        .filter((home) => home !== folder)
        .map((home) => (kind === 'event' ? `  ${home} -. ${address} .-> ${folder}` : `  ${folder} -- ${address} --> ${home}`)),
    ),
  );
  return markdown('docs/reference/topology.md', 'Topology', [
    'A solid arrow is a call, a dotted arrow an event.',
    'A service calls `polyb.rpc.<service>.<method>.by.<its folder>`, and the bus allows it no other name there, so the subject proves the caller. Methods without roles are also served at the subject without `.by.`, which proves no caller (`guest`).',
    fenced('mermaid', ['flowchart LR', ...services.map(({ folder }) => `  ${folder}`), ...arrows].join('\n')),
    table(
      ['service', 'serves', 'uses'],
      services.map((each) => [
        code(each.folder),
        contractsOf(each)
          .map((name) => `[${name}](services/${name}.md)`)
          .join(', '),
        each.service.uses.map(({ address }) => code(address)).join(', '),
      ]),
    ),
  ]);
}
