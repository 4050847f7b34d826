/** The tools of the agent, by the names of the seeds and of the methods that they lead to. */
import { z } from 'zod';
import type { ToolSpec } from '../../../adapters/llm/port.ts';
import type { State } from '../rows/sessions.ts';
import { readTools } from './reads.ts';
import type { Tool } from './tool.ts';
import { writes } from './writes.ts';

export const tools: readonly Tool[] = [...readTools, ...writes];
const byName = new Map(tools.flatMap((each) => [[each.name, each] as const, ...(each.of === null ? [] : [[each.of.name, each] as const])]));

export const toolNamed = (name: string): Tool | null => byName.get(name) ?? null;
export const isListedIn = (tool: Tool, state: State): boolean => tool.states === 'all' || tool.states.includes(state);

/** What the model sees in a state. Schemas are made once: that takes longer than anything else of a request. */
export function toolSpecs(state: State): readonly ToolSpec[] {
  return tools.filter((each) => isListedIn(each, state)).map(specOf);
}
const specs = new Map<Tool, ToolSpec>();
function specOf(tool: Tool): ToolSpec {
  const spec = specs.get(tool) ?? { name: tool.name, description: descriptionOf(tool), parameters: schemaOf(tool) };
  specs.set(tool, spec);
  return spec;
}
const descriptionOf = ({ of, hint }: Tool): string => [of?.summary, hint].filter((part) => part !== undefined && part !== '').join(' ');
function schemaOf({ input }: Tool): Readonly<Record<string, unknown>> {
  const { $schema: _, ...schema } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
  return schema;
}
/** What a tool expects, for a call with other arguments. */
export const expectedOf = (tool: Tool): Readonly<Record<string, unknown>> => specOf(tool).parameters;
