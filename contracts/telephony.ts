/** Legs: one phone connected with one gateway, in either direction. */
import { z } from 'zod';
import { bytesUpTo, Callee, FilePart, Id, Nothing, PageInput, Part, pageOf, Timestamp } from './common.ts';
import { CallOutcome } from './crm.ts';
import { contract, event, method, stream } from './kit/define.ts';

export const LegDirection = z.enum(['in', 'out']);
/** `system`: this system. `remote`: the person at the phone. `network`: what is between them. */
export const EndedBy = z.enum(['system', 'remote', 'network']);
/** Why a leg ended, independent of the provider. */
export const HangUpCause = z.enum([
  'normal',
  'cancelled',
  'busy',
  'no_answer',
  'rejected',
  'unreachable',
  'wrong_number',
  'not_allowed',
  'incompatible',
  'congestion',
  'network_failure',
  'media_lost',
  'holder_lost',
  'transferred',
  'time_limit',
  'unknown',
]);
/** The cause of ITU-T Q.850, if the network gave one. */
export const Q850 = z.int().min(1).max(127).nullable();
/** Why an inbound leg is refused. */
export const RejectCause = HangUpCause.extract(['busy', 'rejected', 'unreachable', 'wrong_number', 'not_allowed', 'congestion']);
/** A number or the user part of a SIP address, as the network wrote it. */
export const LineNumber = z.string().min(1).max(64).meta({ pii: 'phone' });
/** One connection of a gateway to a telephone network, by the name that the settings give it. */
export const Trunk = z
  .string()
  .max(32)
  .regex(/^[a-z][a-z0-9_]*$/, 'lower-case letters, digits and _, e.g. main');
export const Digits = z
  .string()
  .min(1)
  .max(32)
  .regex(/^[0-9*#A-D]+$/, 'keys of a phone: 0-9, *, #, A-D');
/** A sound that a leg plays by itself. */
export const Sound = z.enum(['hold_music', 'ringback', 'busy_tone']);

const leg = z.strictObject({ legId: Id });
const roles = ['call-orchestrator'] as const;
/** An instance also acts on a leg of another one that is connected with its own. */
const rolesOfPartner = [...roles, 'telephony-gateway'] as const;
const noMedia = { not_answered: 'failed_precondition' } as const;

export const telephony = contract('telephony', '2.2.0', {
  dial: method({
    summary: 'Dial a phone.',
    input: z.strictObject({
      callId: Id,
      to: Callee,
      from: LineNumber.optional().describe('Caller id; without it, that of the trunk.'),
      trunk: Trunk.optional().describe('Without it, the first trunk of the gateway.'),
      headers: z
        .record(
          z
            .string()
            .max(64)
            .regex(/^X-[A-Za-z0-9-]+$/, 'a header that begins with X-'),
          z.string().max(200),
        )
        .meta({ maxProperties: 10 })
        .optional()
        .describe('Additional SIP headers.'),
    }),
    output: z.object({ legId: Id, reportsEnd: z.boolean().describe('False when the gateway cannot report how the call ends.') }),
    idempotency: 'keyed',
    reaches: 'customer',
    roles,
    lane: 'to',
    ttlMs: 60_000,
    settles: true,
    errors: { gateway_refused: 'failed_precondition' },
  }),
  answer: method({ summary: 'Answer an inbound leg.', input: leg, output: Nothing, idempotency: 'idempotent', roles, owner: 'legId' }),
  reject: method({
    summary: 'Refuse an inbound leg that was not answered.',
    input: leg.extend({ cause: RejectCause.default('rejected') }),
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
  }),
  hang_up: method({ summary: 'End a leg.', input: leg, output: Nothing, idempotency: 'idempotent', roles: rolesOfPartner, owner: 'legId' }),
  hold: method({
    summary: 'Put an answered leg on hold.',
    input: leg,
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: noMedia,
  }),
  resume: method({
    summary: 'Resume a leg that this system put on hold.',
    input: leg,
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: noMedia,
  }),
  transfer: method({
    summary: 'Transfer a leg to another number without asking whom it reaches.',
    input: leg.extend({ to: Callee }),
    output: Nothing,
    idempotency: 'idempotent',
    reaches: 'customer',
    roles,
    owner: 'legId',
    errors: noMedia,
  }),
  connect: method({
    summary: 'Let the people of two legs hear each other until one of them ends. What the streams of both say meanwhile is dropped.',
    input: leg.extend({ otherLegId: Id }),
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: noMedia,
  }),
  send_dtmf: method({
    summary: 'Send keys on a leg.',
    input: leg.extend({ digits: Digits }),
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: noMedia,
  }),
  play: method({
    summary: 'Play a sound on a leg until it is stopped or connected. What the streams of the leg say meanwhile is dropped.',
    input: leg.extend({ soundId: Sound, repeat: z.boolean().default(true) }),
    output: Nothing,
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: noMedia,
  }),
  stop: method({
    summary: 'Drop everything that a leg has not played yet.',
    input: leg,
    output: Nothing,
    idempotency: 'idempotent',
    roles: rolesOfPartner,
    owner: 'legId',
    errors: noMedia,
  }),
  record: method({
    summary: 'Record a leg, or pause its recording.',
    input: leg.extend({ on: z.boolean() }),
    output: z.object({ recordingId: Id.nullable() }),
    idempotency: 'idempotent',
    roles,
    owner: 'legId',
    errors: noMedia,
  }),
  media: stream({
    summary: 'Hear a leg and speak on it. Audio is G.711 μ-law, 8 kHz, mono. The stream ends with the leg.',
    input: leg,
    up: z.union([
      z.strictObject({ id: Id, audio: bytesUpTo(8_192) }).describe('20 ms to 1 s of audio; `played` with the id follows.'),
      z.strictObject({ clear: z.literal(true) }).describe('Drop what was not played.'),
      z.strictObject({ mark: Id }).describe('Report `played` with this id after everything before it.'),
    ]),
    down: z.union([
      bytesUpTo(8_192).describe('Audio from the phone. Of a listener that is too slow, the oldest is dropped.'),
      z.object({ played: Id, ms: z.int().min(0).max(600_000) }).describe('A chunk was played to its end, or dropped after so many ms.'),
      z.object({ dtmf: z.string().max(1) }).describe('A key was pressed.'),
      z.object({ speech: z.enum(['started', 'stopped']) }),
      z.object({ lost: z.int().min(0).max(1_000_000) }).describe('Frames that the network lost since the last report.'),
      z.object({ rttMs: z.number().min(0).max(600_000) }),
      z
        .object({ delayMs: z.int().min(0).max(1_000) })
        .describe(
          'Audio from the phone comes so long after it would have without the buffer against jitter. Reported when it changes, and once a second.',
        ),
      z
        .object({ held: z.boolean() })
        .describe('Nothing that is said is heard: the phone is on hold, or the leg plays a sound or is connected; and when that is over.'),
    ]),
    owner: 'legId',
    topic: 'legId',
    roles: rolesOfPartner,
    errors: noMedia,
  }),
  whisper: stream({
    summary:
      'Speak to the person at a leg who is connected with somebody else, and hear both. The other one does not hear it, and it is in no recording.',
    input: leg,
    up: bytesUpTo(8_192).describe('20 ms to 1 s of audio.'),
    down: z.union([
      z.object({ person: bytesUpTo(8_192).describe('Audio of the person at the leg.') }),
      z.object({ customer: bytesUpTo(8_192).describe('Audio of the one with whom they are connected.') }),
    ]),
    owner: 'legId',
    roles,
    errors: { ...noMedia, already_whispered: 'conflict' },
  }),
  read_recording: method({
    summary: 'Read part of a recording: stereo WAV, left the person at the phone, right this system.',
    input: z.strictObject({ recordingId: Id, ...Part }),
    output: FilePart,
    idempotency: 'read',
    roles,
    errors: { not_kept: 'failed_precondition' },
  }),
  capabilities: method({
    summary: 'Capabilities of the gateway in use.',
    input: z.strictObject({}),
    output: z.object({
      isSimulated: z.boolean().describe('True when no phone rings.'),
      hasMedia: z.boolean().default(false).describe('Audio of its legs can be heard and sent.'),
    }),
    idempotency: 'read',
    timeoutMs: 2_000,
    roles: ['call-orchestrator', 'operator'],
  }),
  list_trunks: method({
    summary: 'List the trunks of the gateway with their state.',
    input: z.strictObject({}),
    output: z.object({
      trunks: z
        .array(
          z.object({
            trunk: Trunk,
            kind: z.string().max(32).describe('The gateway of the trunk, for example sip or simulator.'),
            state: z.enum(['ready', 'registering', 'refused', 'unreachable']),
            detail: z.string().max(200).nullable().describe('Why it is not ready.'),
            legs: z.int().min(0).describe('Legs of this instance now.'),
            maxLegs: z.int().min(1).nullable(),
          }),
        )
        .max(100),
    }),
    idempotency: 'read',
    timeoutMs: 2_000,
    roles: ['call-orchestrator', 'operator'],
  }),
  list_sip_messages: method({
    summary: 'List the SIP messages of a call, oldest first, without numbers, names and credentials. Empty if its gateway speaks no SIP.',
    input: z.strictObject({ callId: Id, ...PageInput, limit: z.int().min(1).max(100).default(50) }),
    output: pageOf(
      z.object({
        legId: Id,
        at: Timestamp,
        isSent: z.boolean().describe('By this system.'),
        protocol: z.string().max(8).describe('udp, tcp or tls.'),
        peer: z.string().max(80).describe('Address and port of the other side.'),
        label: z.string().max(120).describe('Method or status, with its number and the direction of the audio.'),
        text: z.string().max(4_000).describe('The message, cut to its first 4,000 characters.'),
      }),
    ),
    idempotency: 'read',
    roles: ['operator'],
  }),
  leg_changed: event({
    summary: 'A leg rang, was answered, held, resumed, transferred or ended.',
    payload: z.object({
      callId: Id,
      legId: Id,
      direction: LegDirection,
      from: LineNumber.nullable(),
      to: LineNumber.nullable(),
      state: z.enum(['ringing', 'early', 'answered', 'held', 'resumed', 'transferring', 'ended']),
      outcome: CallOutcome.nullable().describe('Set when the leg ended.'),
      hangUpCause: HangUpCause.nullable().describe('Set when the leg ended.'),
      q850: Q850,
      sipStatus: z.int().min(100).max(699).optional(),
      endedBy: EndedBy.nullable(),
      recordingId: Id.nullable(),
      at: Timestamp,
    }),
    key: 'callId',
  }),
});
