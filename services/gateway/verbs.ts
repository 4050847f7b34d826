import type { FastifyInstance } from 'fastify';

/** The verbs of a path; used only if no route matched. Includes routes added later. */
export function allowedVerbs(app: FastifyInstance): (path: string) => readonly string[] {
  const verbsByUrl = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const verbs = verbsByUrl.get(url) ?? new Set();
    for (const verb of [method].flat()) verbs.add(verb);
    verbsByUrl.set(url, verbs);
  });
  return (path) => {
    const steps = path.split('/');
    const found = [...verbsByUrl].filter(([url]) => isOf(url.split('/'), steps)).flatMap(([, verbs]) => [...verbs]);
    return [...new Set(found)].sort();
  };
}

/** `:name` is one segment, `*` the rest. */
function isOf(pattern: readonly string[], steps: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '*';
  if (isOpen ? steps.length < pattern.length : steps.length !== pattern.length) return false;
  return pattern.every((step, at) => step === '*' || (step.startsWith(':') ? steps[at] !== '' : step === steps[at]));
}
