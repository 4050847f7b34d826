/** Schemas of settings. Each parses text into a typed value and describes valid text in `expected`. */
import { z } from 'zod';

/** Metadata of a setting besides its description and default. */
export interface SettingMeta {
  readonly description?: string;
  /** `a whole number from 1 to 10`: used in error messages. */
  readonly expected?: string;
  /** Never printed in any form. */
  readonly secret?: boolean;
  /** A port that the service listens on. If it is not set, `polyb up` chooses a free port, preferably the default. */
  readonly listens?: boolean;
  /** How long the service may drain when it stops; `polyb` waits for it. */
  readonly drains?: boolean;
  /** Former names of the setting, searched before its own name. */
  readonly before?: readonly string[];
}

/** Trimmed text of at most `max` characters, matching `like` if given. */
export function text(options: { readonly max?: number; readonly like?: RegExp; readonly expected?: string } = {}) {
  const { max = 1000, like = /./, expected = `text of at most ${max} characters` } = options;
  return z.string().trim().min(1).max(max).regex(like).meta({ expected });
}

/** Text that is never printed. */
export function secret(options: { readonly min?: number } = {}) {
  const { min = 1 } = options;
  const expected = `a secret of ${min} to 8192 characters`;
  return z.string().trim().min(min).max(8192).meta({ expected, secret: true });
}

export function integer({ min, max }: { readonly min: number; readonly max: number }) {
  const expected = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .trim()
    .regex(/^-?\d{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ expected });
}

/** `true`, `1`, `yes`, `on` and their opposites. */
export function flag() {
  return z.stringbool().meta({ expected: 'true or false' });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds, written `1500`, `1500ms`, `90s`, `15m`, `24h` or `30d`. */
export function durationMs({ min = 0, max }: { readonly min?: number; readonly max: number }) {
  const expected = `a duration from ${min} to ${max} ms, written 1500, 90s, 15m, 24h or 30d`;
  return z
    .string()
    .trim()
    .regex(/^\d{1,12}(ms|s|m|h|d)?$/)
    .transform((written) => Number.parseInt(written, 10) * (unitMs[written.replace(/^\d+/, '')] ?? 1))
    .pipe(z.int().min(min).max(max))
    .meta({ expected });
}

/** An absolute URL with one of the given schemes, unchanged. */
export function url(schemes: readonly string[]) {
  const expected = `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return z
    .string()
    .trim()
    .max(2048)
    .refine((written) => schemes.includes(URL.parse(written)?.protocol.slice(0, -1) ?? ''))
    .meta({ expected });
}

/** Origin of an HTTP server, `https://crm.example:8443`, normalised. */
export function origin() {
  return z
    .string()
    .trim()
    .max(300)
    .refine((written) => /^https?:\/\/[^/?#@]+\/?$/i.test(written) && URL.canParse(written))
    .transform((written) => new URL(written).origin)
    .meta({ expected: 'an origin without a path, e.g. https://crm.example:8443' });
}

/** Comma-separated values, at most `max`. */
export function list<T extends z.ZodType<unknown, string>>(item: T, { max = 100 }: { readonly max?: number } = {}) {
  const { expected = 'a value' } = metaOf(item);
  return z
    .string()
    .max(100_000)
    .transform((written) =>
      written
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .pipe(z.array(item).max(max))
    .meta({ expected: `up to ${max} comma-separated values, each ${expected}` });
}

/** Names of the connections of a kind. */
export function connections() {
  return list(text({ max: 20, like: /^[a-z][a-z0-9]*$/, expected: 'a name in lower-case letters and digits' }), { max: 20 })
    .refine((names) => names[0] === 'main' && new Set(names).size === names.length)
    .meta({ expected: 'comma-separated names, `main` first and each once, e.g. main,salon' })
    .default(['main']);
}

/** Names in order of preference, each once. @param fallback the default: one of them, or `none`, which is then allowed */
export function preferences(names: readonly string[], fallback = 'none') {
  const none = fallback === 'none' ? ['none'] : [];
  return list(z.enum([...none, ...names] as [string, ...string[]]))
    .refine((chosen) => chosen.length > 0 && new Set(chosen).size === chosen.length && (chosen.length === 1 || !chosen.includes('none')))
    .meta({
      expected: `${none.map((one) => `${one}, or `)}comma-separated names in order of preference, each once, of: ${names.join(', ')}`,
    })
    .default([fallback]);
}

/** JSON that fits the schema, usually from the file of `NAME_FILE`. Every mistake is an issue that names its place. */
export function jsonText<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .max(1_000_000)
    .transform((written, context): z.output<T> => {
      const parsed = schema.safeParse(jsonOf(written));
      if (parsed.success) return parsed.data;
      for (const { path, message, ...issue } of parsed.error.issues) {
        const what = issue.code === 'unrecognized_keys' ? `no such key as ${issue.keys.join(', ')}` : message;
        context.addIssue({ code: 'custom', message: path.length === 0 ? what : `${path.map(String).join('.')} as ${what}` });
      }
      return z.NEVER;
    });
}
function jsonOf(written: string): unknown {
  try {
    return JSON.parse(written) as unknown;
  } catch {
    return undefined; // The schema then reports that an object is expected.
  }
}

/** Metadata of the schema, also inside `.default()`, `.optional()` and similar wrappers. */
export function metaOf(schema: z.ZodType): SettingMeta {
  const { innerType } = schema.def as { innerType?: z.ZodType };
  return { ...(innerType ? metaOf(innerType) : {}), ...(z.globalRegistry.get(schema) as SettingMeta | undefined) };
}

/** The default value; undefined if there is none. */
export function defaultOf(schema: z.ZodType): unknown {
  const { defaultValue, innerType } = schema.def as { defaultValue?: unknown; innerType?: z.ZodType };
  return defaultValue ?? (innerType ? defaultOf(innerType) : undefined);
}

/** A value in printable form. Hides secrets, and the credentials and query of a URL. */
export function show(schema: z.ZodType, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  if (metaOf(schema).secret) return '***';
  const parts = [value].flat().join(',').split(',');
  return parts.map((part) => part.replace(/^(\w+:\/\/)?.*@/, '$1***@').replace(/([?&][^=&#]*=)[^&#]*/g, '$1***')).join(',');
}
