/** The trunks through which calls go out, each with a caller id, limits and a registration of its own. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { Trunk } from '../../../contracts/telephony.ts';
import type { RegistrationState } from '../../../media/sip/registration.ts';
import type { UserAgent } from '../../../media/sip/user-agent.ts';
import type { Log } from '../../deps.ts';
import type { TrunkState } from '../../telephony/port.ts';
import { type SipOptions, uriForm } from './settings.ts';

const user = z
  .string()
  .max(64)
  .regex(/^[\w.+*-]+$/, 'letters, digits and . + * -');
const TrunkOptions = z.strictObject({
  trunk: Trunk,
  uri: z.string().max(200).regex(uriForm, 'a SIP URI, e.g. sip:sip.provider.example;transport=tcp'),
  user: user.optional(),
  password: z.string().min(1).max(200).optional(),
  register: z.boolean().default(false),
  callerId: user.optional(),
  maxCalls: z.int().min(1).max(2_000).default(400),
  callsPerSecond: z.int().min(1).max(1_000).default(50),
});
type TrunkOptions = z.output<typeof TrunkOptions>;
const Trunks = z
  .array(TrunkOptions)
  .max(50)
  .refine((all) => new Set(['main', ...all.map(({ trunk }) => trunk)]).size === all.length + 1, 'each name once, and none is main');

/** A second of outbound calls. */
const windowMs = 1_000;

export interface SipTrunk {
  readonly options: TrunkOptions;
  readonly credentials: { readonly credentials?: { readonly username: string; readonly password: string } };
  /** Counts an outbound call until the returned function is called. @throws PolybError resource_exhausted */
  begin(): () => void;
  /** Counts an inbound call, which no limit refuses, until the returned function is called. */
  take(): () => void;
  register(agent: Pick<UserAgent, 'register'>): void;
  /** Does not wait for a registrar that is away. */
  unregister(): void;
  state(): TrunkState;
}

/** Those of the settings, `main` first. @throws PolybError invalid_argument with every mistake of the file */
export async function readTrunks(
  options: SipOptions,
  parts: { readonly now: () => number; readonly log: Log },
): Promise<readonly SipTrunk[]> {
  const main: readonly TrunkOptions[] =
    options.SIP_TRUNK === undefined
      ? []
      : [
          {
            ...{ trunk: 'main', uri: options.SIP_TRUNK, user: options.SIP_USER, password: options.SIP_PASSWORD },
            ...{ register: options.SIP_REGISTER, callerId: options.SIP_CALLER_ID },
            ...{ maxCalls: options.SIP_MAX_CALLS, callsPerSecond: options.SIP_CALLS_PER_SECOND },
          },
        ];
  return [...main, ...(options.SIP_TRUNKS === undefined ? [] : await readFurther(options.SIP_TRUNKS))].map((each) => sipTrunk(each, parts));
}
async function readFurther(file: string): Promise<readonly TrunkOptions[]> {
  let written: unknown;
  try {
    written = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new PolybError('invalid_argument', `SIP_TRUNKS: ${file} cannot be read as JSON.`, { cause });
  }
  const read = Trunks.safeParse(written);
  if (read.success) return read.data;
  throw new PolybError('invalid_argument', `SIP_TRUNKS: ${file}: ${z.prettifyError(read.error)}`);
}

function sipTrunk(options: TrunkOptions, { now, log }: { readonly now: () => number; readonly log: Log }): SipTrunk {
  const { trunk, uri, user: username, password, maxCalls, callsPerSecond } = options;
  const credentials = username === undefined || password === undefined ? {} : { credentials: { username, password } };
  let registration: { end(): Promise<void> } | null = null;
  let registered: RegistrationState | null = null;
  let calls = 0;
  let [windowAt, placed] = [0, 0];
  function take(): () => void {
    calls += 1;
    let isOver = false;
    return () => {
      if (!isOver) calls -= 1;
      isOver = true;
    };
  }
  return {
    options,
    credentials,
    take,
    begin() {
      if (calls >= maxCalls) throw new PolybError('resource_exhausted', `All lines of trunk ${trunk} are in use.`, { retryAfterMs: 5_000 });
      if (now() - windowAt >= windowMs) [windowAt, placed] = [now(), 0];
      if (placed >= callsPerSecond)
        throw new PolybError('resource_exhausted', `Trunk ${trunk} takes no more calls in this second.`, { retryAfterMs: windowMs });
      placed += 1;
      return take();
    },
    register(agent) {
      if (!options.register) return;
      const address = uri.replace(/^(sips?:)(?:[^@;]*@)?/, `$1${username ?? 'polyb'}@`).replace(/;.*$/, '');
      registration = agent.register({ registrar: uri, address, ...credentials }, (changed) => {
        registered = changed;
        if (changed.state !== 'registered')
          log.warn({ trunk, state: changed.state, status: changed.status }, 'the trunk has no registration');
      });
    },
    unregister: () => void registration?.end(),
    state: () => ({ trunk, kind: 'sip', legs: calls, maxLegs: maxCalls, ...standingOf(options.register, registered) }),
  };
}
function standingOf(isWanted: boolean, registered: RegistrationState | null): Pick<TrunkState, 'state' | 'detail'> {
  if (!isWanted) return { state: 'ready', detail: null };
  switch (registered?.state) {
    case 'registered':
      return { state: 'ready', detail: null };
    case 'refused':
      return { state: 'refused', detail: `${registered.status} ${registered.reason}`.slice(0, 200) };
    case 'unreachable':
      return { state: 'unreachable', detail: registered.reason.slice(0, 200) };
    default:
      return { state: 'registering', detail: null };
  }
}
