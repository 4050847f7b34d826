/** One part of a value: `items.0.id`, or an RFC 6901 pointer, `/items/0/id`. */
import { refusal } from './failure.ts';
import { nearest } from './nearest.ts';

export function pick(value: unknown, path: string): unknown {
  const names = path.startsWith('/')
    ? path
        .slice(1)
        .split('/')
        .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    : path.split('.').filter((name) => name !== '');
  return names.reduce<unknown>((part, name) => {
    if (typeof part === 'object' && part !== null && Object.hasOwn(part, name)) return (part as Record<string, unknown>)[name];
    const there = typeof part === 'object' && part !== null ? Object.keys(part) : [];
    throw refusal(
      'not_found',
      `--pick ${path}: the result has no ${name}${there.length === 0 ? '' : `; it has ${there.slice(0, 12).join(', ')}`}`,
      {
        reason: 'no_such_field',
        close: nearest(name, there),
        effect: 'executed',
      },
    );
  }, value);
}
