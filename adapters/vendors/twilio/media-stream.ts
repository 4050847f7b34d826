/** Messages of Twilio Media Streams in both directions. Source: twilio.com/docs/voice/media-streams/websocket-messages. */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Dialect } from '../../telephony/socket-leg.ts';

const Message = z.discriminatedUnion('event', [
  z.object({ event: z.literal('connected') }),
  z.object({
    event: z.literal('start'),
    start: z.object({
      streamSid: z.string().max(64),
      mediaFormat: z.object({ encoding: z.string().max(32), sampleRate: z.number(), channels: z.number() }),
    }),
  }),
  z.object({ event: z.literal('media'), media: z.object({ track: z.string().max(16).optional(), payload: z.base64().max(40_000) }) }),
  z.object({ event: z.literal('dtmf'), dtmf: z.object({ digit: z.string().max(1) }) }),
  z.object({ event: z.literal('mark'), mark: z.object({ name: z.string().max(128) }) }),
  z.object({ event: z.literal('stop') }),
]);

/** @param onStart the call was answered, and its audio begins */
export function twilioDialect(onStart: () => void): Dialect {
  let streamSid = '';
  const message = (fields: object): string => JSON.stringify({ ...fields, streamSid });
  return {
    audio: (audio) => message({ event: 'media', media: { payload: Buffer.from(audio).toString('base64') } }),
    drop: () => message({ event: 'clear' }),
    confirm: (name) => message({ event: 'mark', mark: { name } }),
    read(data) {
      const said = parse(data);
      switch (said.event) {
        case 'start': {
          const { encoding, sampleRate, channels } = said.start.mediaFormat;
          if (encoding !== 'audio/x-mulaw' || sampleRate !== 8000 || channels !== 1)
            throw new PolybError('invalid_argument', 'Twilio sends audio of another form than μ-law, 8 kHz, mono.');
          streamSid = said.start.streamSid;
          onStart();
          return { says: 'ready' };
        }
        case 'media':
          return said.media.track === 'outbound' ? null : { says: 'audio', audio: Buffer.from(said.media.payload, 'base64') };
        case 'dtmf':
          return { says: 'key', digit: said.dtmf.digit };
        case 'mark':
          return { says: 'played', id: said.mark.name };
        case 'stop':
          return { says: 'stopped' };
        case 'connected':
          return null;
      }
    },
  };
}

function parse(data: string | Uint8Array): z.output<typeof Message> {
  try {
    return Message.parse(JSON.parse(String(data)));
  } catch {
    throw new PolybError('invalid_argument', 'Twilio has sent a message of an unknown form.');
  }
}
