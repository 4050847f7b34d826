/** JSON values as YAML 1.2. Strings are quoted as in JSON unless they are plainly words, so that no reader takes one for a number, a date or a flag. */
export function toYaml(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return `${indent}[]\n`;
    return value.map((item) => `${indent}-${nested(item, indent)}`).join('');
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, part]) => part !== undefined);
    if (entries.length === 0) return `${indent}{}\n`;
    return entries.map(([name, part]) => `${indent}${scalar(name)}:${nested(part, indent)}`).join('');
  }
  return `${indent}${scalar(value)}\n`;
}

function nested(value: unknown, indent: string): string {
  const isFull = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  return isFull ? `\n${toYaml(value, `${indent}  `)}` : ` ${toYaml(value).trimStart()}`;
}

const special = /^(true|false|yes|no|on|off|y|n|null|nan|inf)$/i;
function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'null';
  return /^[A-Za-z_][\w./@ -]*$/.test(value) && !special.test(value) && !value.endsWith(' ') ? value : JSON.stringify(value);
}
