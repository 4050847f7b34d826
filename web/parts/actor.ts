/** The person behind an actor: `gateway:staff/s_ab12/anna` is anna. Of a key or a program, the words that name it. */
export function personOf(actor: string): string {
  const [, behind = actor] = /^[^:]+:(.+)$/.exec(actor) ?? [];
  const [kind, key, person] = behind.split('/');
  return person ?? (key === undefined ? behind : `${kind}/${key}`);
}
/** Whether a person is behind an actor: a session or a linked key, a button, or the command line. */
export function isPerson(actor: string): boolean {
  return /^[^:]+:[^/]+\/[^/]+\/.+$/.test(actor) || /^operator(:|$)/.test(actor);
}
