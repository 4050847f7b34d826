/** Bodies of `multipart/form-data` (RFC 7578): each part becomes a field of the input. */
import { Busboy } from '@fastify/busboy';
import { coerceFields } from '../../contracts/kit/coerce.ts';
import type { HttpShape } from '../../contracts/kit/define.ts';
import { alternatives, resolveRef } from '../../contracts/kit/describe/walk.ts';
import type { JsonSchema } from '../../contracts/kit/describe.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

export interface FilePart {
  readonly field: string;
  readonly bytes: Buffer;
  /** As the client sent it. */
  readonly contentType: string;
  /** Without a path. */
  readonly fileName: string;
}
export interface Form {
  readonly texts: readonly (readonly [field: string, text: string])[];
  readonly files: readonly FilePart[];
}

const mostParts = 32;
const longestName = 64;
const longestText = 65_536;
/** As many bytes as `Bytes` may have. */
const largestFile = 262_144;
const mostHeaders = 8;
const longestHeaders = 4_096;

const forms = new WeakSet<object>();
export function isForm(body: unknown): body is Form {
  return typeof body === 'object' && body !== null && forms.has(body);
}

/** @throws PolybError invalid_argument: payload_too_large, bad_body, bad_parameters. */
export async function readForm(contentType: string, body: Buffer): Promise<Form> {
  const { promise, resolve, reject } = Promise.withResolvers<Form>();
  const texts: (readonly [string, string])[] = [];
  const files: FilePart[] = [];
  let parser: InstanceType<typeof Busboy>;
  try {
    parser = new Busboy({
      headers: { 'content-type': contentType },
      // One more than allowed, so that an excess is noticed.
      limits: {
        parts: mostParts + 1,
        fieldSize: longestText + 1,
        fileSize: largestFile + 1,
        headerPairs: mostHeaders,
        headerSize: longestHeaders,
      },
    });
  } catch (cause) {
    throw unreadable('it has no boundary', cause);
  }
  const take = (name: string | undefined, size: number, most: number): string => {
    if (name === undefined || name === '' || name.length > longestName)
      throw unreadable(`a part has no name of 1 to ${longestName} characters`);
    if (size > most) throw tooLarge(`The part ${name} is larger than ${most} bytes.`);
    if (texts.length + files.length === mostParts) throw tooLarge(`A form may have at most ${mostParts} parts.`);
    return name;
  };
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (thrown) {
      reject(thrown);
    }
  };
  parser
    .on('field', (name, text) => guarded(() => texts.push([take(name, text.length, longestText), text])))
    .on('file', (name, stream, fileName, _encoding, type) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', (cause) => reject(unreadable('it ends too early', cause)));
      stream.on('end', () =>
        guarded(() => {
          const bytes = Buffer.concat(chunks);
          files.push({ field: take(name, bytes.length, largestFile), bytes, contentType: type, fileName: fileName ?? '' });
        }),
      );
    })
    .on('error', (cause) => reject(unreadable('it ends too early, or has another boundary than its Content-Type', cause)))
    .on('finish', () => {
      const form = { texts, files };
      forms.add(form);
      resolve(form);
    });
  parser.end(body);
  return promise;
}

/** The fields of an input. A file becomes bytes; its content type and name become the fields that the contract names for them. */
export function fieldsOf(input: JsonSchema, { texts, files }: Form, named: HttpShape['files'] = {}): unknown {
  const properties = input.properties ?? {};
  const unknown = [...texts.map(([field]) => field), ...files.map(({ field }) => field)].find((field) => !Object.hasOwn(properties, field));
  if (unknown !== undefined && input.additionalProperties === false)
    throw wrong(unknown, `no part of this name; expected some of ${Object.keys(properties).join(', ')}`);
  const given = new Set(texts.map(([field]) => field));
  const fields: Record<string, unknown> = {};
  for (const { field, bytes, contentType, fileName } of files) {
    if (given.has(field) || Object.hasOwn(fields, field)) throw wrong(field, 'one part');
    if (!takesBytes(input, properties[field])) throw wrong(field, 'text, not a file');
    fields[field] = bytes;
    const { contentType: typeField, name: nameField } = named[field] ?? {};
    if (typeField !== undefined && !given.has(typeField)) fields[typeField] = contentType;
    if (nameField !== undefined && !given.has(nameField) && fileName !== '') fields[nameField] = fileName;
  }
  return coerceFields(input, texts, fields);
}
function takesBytes(root: JsonSchema, schema: JsonSchema = {}): boolean {
  const at = resolveRef(root, schema);
  return at.contentEncoding === 'base64' || alternatives(at).some((one) => takesBytes(root, one));
}

function unreadable(why: string, cause?: unknown): PolybError {
  return new PolybError('invalid_argument', `The form cannot be read: ${why}.`, { reason: 'bad_body', cause });
}
function tooLarge(message: string): PolybError {
  return new PolybError('invalid_argument', message, { reason: 'payload_too_large' });
}
function wrong(field: string, expected: string): PolybError {
  return new PolybError('invalid_argument', `Bad part ${field}: expected ${expected}.`, {
    reason: 'bad_parameters',
    data: { issues: [{ pointer: `/${field}`, expected, given: '***' }] },
  });
}
