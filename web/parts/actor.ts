/** The person behind an actor: `gateway:staff/s_ab12/anna` is anna. Of a key or a program, the words that name it. */
export function personOf(actor: string): string {
  const [, behind = actor] = /^[^:]+:(.+)$/.exec(actor) ?? [];
  const [kind, key, person] = behind.split('/');
  return person ?? (key === undefined ? behind : `${kind}/${key}`);
}
