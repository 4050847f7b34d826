/**
 * Messages between this system and its scenario in Voximplant (`deploy/voximplant/scenario.js`): audio in the form of VoxEngine, everything
 * else as `customEvent`. Source: docs.voximplant.ai, Media over WebSockets.
 */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Dialect } from '../../telephony/socket-leg.ts';

/** What the scenario reports about its call. */
export type CallReport =
  | { readonly report: 'ringing' }
  | { readonly report: 'answered' }
  /** `code` is a status of SIP. */
  | { readonly report: 'ended'; readonly code: number | null; readonly by: 'remote' | 'network' | 'system' };

const number = z.union([z.number(), z.string().max(24)]);
const Message = z.union([
  z.object({
    event: z.literal('start'),
    start: z.object({ mediaFormat: z.object({ encoding: z.string().max(16), sampleRate: z.coerce.number() }) }),
  }),
  z.object({ event: z.literal('media'), media: z.object({ chunk: number, timestamp: number, payload: z.base64().max(40_000) }) }),
  z.object({ event: z.literal('stop') }),
  z.object({ customEvent: z.enum(['ringing', 'answered']) }),
  z.object({ customEvent: z.literal('key'), digit: z.string().max(1) }),
  z.object({ customEvent: z.literal('ended'), code: z.int().nullable(), by: z.enum(['remote', 'network', 'system']) }),
]);

/** The scenario has no marks; the clock of the leg alone says what was played. Voximplant discards what is more than 10 s ahead. */
export function voximplantDialect(onReport: (report: CallReport) => void): Dialect & { order(name: string, fields?: object): string } {
  const order = (name: string, fields: object = {}): string => JSON.stringify({ customEvent: name, ...fields });
  let sequence = 0;
  let chunk = 0;
  let timestamp = 0;
  return {
    order,
    audio(audio) {
      // A stream begins with `start`, in the message before the first audio.
      const at = { chunk, timestamp };
      chunk += 1;
      timestamp += audio.length;
      sequence += 1;
      return JSON.stringify({ event: 'media', sequenceNumber: sequence, media: { ...at, payload: Buffer.from(audio).toString('base64') } });
    },
    opening: () =>
      JSON.stringify({
        event: 'start',
        sequenceNumber: 0,
        start: { mediaFormat: { encoding: 'ULAW', sampleRate: 8000 }, customParameters: {} },
      }),
    drop: () => order('clear'),
    read(data) {
      const said = parse(data);
      if ('customEvent' in said) {
        if (said.customEvent === 'key') return { says: 'key', digit: said.digit };
        onReport(
          said.customEvent === 'ended'
            ? { report: 'ended', code: said.code, by: said.by }
            : said.customEvent === 'ringing'
              ? { report: 'ringing' }
              : { report: 'answered' },
        );
        return null;
      }
      switch (said.event) {
        case 'start':
          if (said.start.mediaFormat.encoding !== 'ULAW' || said.start.mediaFormat.sampleRate !== 8000)
            throw new PolybError(
              'invalid_argument',
              'Voximplant sends audio of another form than μ-law, 8 kHz; use the scenario of deploy/voximplant.',
            );
          return { says: 'ready' };
        case 'media':
          return { says: 'audio', audio: Buffer.from(said.media.payload, 'base64') };
        case 'stop':
          return null; // The report `ended` follows.
      }
    },
  };
}

function parse(data: string | Uint8Array): z.output<typeof Message> {
  try {
    return Message.parse(JSON.parse(String(data)));
  } catch {
    throw new PolybError('invalid_argument', 'Voximplant has sent a message of an unknown form.');
  }
}
