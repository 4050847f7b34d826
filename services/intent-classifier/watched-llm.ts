import type { Llm } from '../../adapters/llm/port.ts';
import type { Dependency } from '../../bus/telemetry/dependencies.ts';

/** Records the outcome of each request, so that health reports whether the language model responds. */
export function watchedLlm({ name, ask }: Llm, outside: Dependency): Llm {
  return { name, ask: (request) => outside.watch(() => ask(request)) };
}
