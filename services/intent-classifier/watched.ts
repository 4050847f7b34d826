import type { Llm } from '../../adapters/llm/port.ts';
import type { Outsider } from '../../bus/telemetry/dependencies.ts';

/** Notes how each question ended, so that health tells whether the language model answers. */
export function watched({ name, ask }: Llm, outside: Outsider): Llm {
  return { name, ask: (request) => outside.watch(() => ask(request)) };
}
