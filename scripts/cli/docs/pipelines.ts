/** A pipeline's page: its parts as a table and as sequence diagrams, Mermaid and PlantUML. */
import type { ContractsFile, EntryFact, PipelineFact, StepFact } from '../../../contracts/kit/describe.ts';
import { fieldTable } from './fields.ts';
import { code, fenced, markdown, type Page, table } from './page.ts';

export function pipelinePages(contracts: ContractsFile): readonly Page[] {
  return Object.entries(contracts.pipelines).map(([name, fact]) => {
    const method = contracts.entries[fact.method];
    return markdown(`docs/reference/pipelines/${name}.md`, name, [
      method?.summary,
      `Method ${code(fact.method)}. A run continues where it was when a process dies.`,
      table(
        ['part', 'kind', 'of', 'when'],
        fact.steps.map(({ name: part, kind, target, conditional }) => [
          code(part),
          kind,
          code(target),
          conditional ? 'on a condition' : 'always',
        ]),
      ),
      fenced('mermaid', mermaid(fact)),
      fenced('plantuml', plantUml(fact)),
      ...fields('Input', method?.input),
      ...fields('Output', method?.output),
    ]);
  });
}
function fields(title: string, schema: EntryFact['input']): readonly (string | undefined)[] {
  return schema === undefined ? [] : [`## ${title}`, fieldTable(schema)];
}

/** Who takes part, in the order of first appearance. */
function participants({ method, steps }: PipelineFact): readonly string[] {
  return [
    ...new Set(['caller', serviceOf(method), ...steps.filter(({ kind }) => kind !== 'delay').map(({ target }) => serviceOf(target))]),
  ];
}
const serviceOf = (address: string): string => address.split('.')[0] ?? address;
const nameOf = (address: string): string => address.split('.')[1] ?? address;

interface Dialect {
  readonly ask: string;
  readonly answer: string;
  readonly note: (over: string, text: string) => string;
  readonly optional: (label: string) => string;
}

function messages({ method, steps }: PipelineFact, { ask, answer, note, optional }: Dialect): readonly string[] {
  const self = serviceOf(method);
  const one = (step: StepFact): readonly string[] => {
    const other = serviceOf(step.target);
    switch (step.kind) {
      case 'step': {
        const lines = [`${self}${ask}${other}: ${nameOf(step.target)}`, `${other}${answer}${self}: ${step.name}`];
        return step.conditional ? [optional(step.name), ...lines.map((line) => `  ${line}`), 'end'] : lines;
      }
      case 'wait':
        return [note(self, `waits for ${step.target}`), `${other}${answer}${self}: ${step.name}`];
      case 'delay':
        return [note(self, `waits ${step.target}`)];
    }
  };
  return [`caller${ask}${self}: ${nameOf(method)}`, ...steps.flatMap(one), `${self}${answer}caller: output`];
}

export function mermaid(fact: PipelineFact): string {
  const dialect = {
    ask: '->>',
    answer: '-->>',
    note: (over: string, text: string) => `Note over ${over}: ${text}`,
    optional: (label: string) => `opt ${label}`,
  };
  const lines = [...participants(fact).map((name) => `participant ${name}`), ...messages(fact, dialect)];
  return ['sequenceDiagram', ...lines.map((line) => `  ${line}`)].join('\n');
}

export function plantUml(fact: PipelineFact): string {
  const dialect = {
    ask: ' -> ',
    answer: ' --> ',
    note: (over: string, text: string) => `note over ${over}: ${text}`,
    optional: (label: string) => `opt ${label}`,
  };
  return ['@startuml', ...participants(fact).map((name) => `participant ${name}`), ...messages(fact, dialect), '@enduml'].join('\n');
}
