import type { AskingLlm } from '../../adapters/llm/port.ts';
import type { Dependency } from '../../bus/telemetry/dependencies.ts';

/** Records the outcome of each request, so that health reports whether the language model responds. */
export function watchedLlm({ name, ask }: AskingLlm, outside: Dependency): AskingLlm {
  return { name, ask: (request) => outside.watch(() => ask(request)) };
}
