/** The identity of a row: its id, the hash of its input, its step and its lane. */
import { hash } from 'node:crypto';
import { canonical } from '../../contracts/kit/canonical.ts';
import type { Method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { randomHex } from '../wire/ids.ts';
import type { StepOf } from './store.ts';

/** `run_0mhd2k4a1x9f3k2m8q0z`: a prefix, the time so that ids sort by age, and 60 random bits. */
export function newId(prefix: string, now = Date.now()): string {
  const random = BigInt(`0x${randomHex(16).slice(1)}`);
  return `${prefix}_${now.toString(36).padStart(9, '0')}${random.toString(36).padStart(12, '0')}`;
}

/** SHA-256 of the input as canonical JSON, without the fields that do not identify a call of the method. */
export function hashOf(method: Pick<Method, 'unhashed'>, input: unknown): string {
  const identity =
    method.unhashed.length === 0 || typeof input !== 'object' || input === null
      ? input
      : Object.fromEntries(Object.entries(input).filter(([name]) => !method.unhashed.includes(name)));
  return hash('sha256', canonical(identity), 'base64url');
}

/** A step as it travels with its call. An edition with a leading zero marks a new step; a reader of the number alone acquires its attempt first. */
export function stepText({ run, runToken, edition, name, isNew }: StepOf): string {
  return `${run} ${runToken} ${isNew ? '0' : ''}${edition} ${name}`;
}
/** @throws PolybError invalid_argument */
export function stepOf(text: string): StepOf {
  const [, run, runToken, edition, name] = /^(\S{1,64}) (\S{1,64}) (\d{1,9}) (.{1,255})$/.exec(text) ?? [];
  if (run === undefined || runToken === undefined || name === undefined)
    throw new PolybError('invalid_argument', 'Bad polyb-step: expected the run, its token, an edition and the name of a step.');
  return { run, runToken, edition: Number(edition), name, isNew: edition?.startsWith('0') === true };
}

/** The lane of a row with this input; rows of one lane run in order. Connections do not wait for each other. */
export function laneOf({ lane }: Pick<Method, 'lane'>, input: unknown): string | null {
  if (lane === undefined) return null;
  const { connection = 'main', [lane.field]: value } = input as Readonly<Record<string, unknown>>;
  return connection === 'main' ? `${lane.name}:${String(value)}` : `${lane.name}:${String(connection)}:${String(value)}`;
}

/** An input parsed by its method's schema, also a stored one, whose bytes are base64.
 *  @throws PolybError invalid_argument */
export function parsed(method: Pick<Method, 'address' | 'input'>, input: unknown): unknown {
  const result = method.input.safeParse(input);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new PolybError(
    'invalid_argument',
    `Bad input for ${method.address}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'does not fit'}`,
    {
      data: {
        issues: result.error.issues
          .slice(0, 20)
          .map(({ path, message }) => ({ pointer: `/${path.join('/')}`, expected: message, given: '' })),
      },
    },
  );
}
