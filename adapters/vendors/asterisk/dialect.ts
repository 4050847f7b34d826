/**
 * Messages of Asterisk's WebSocket channel: audio is binary, control is JSON or, in former releases, lines of text.
 * Source: docs.asterisk.org, Configuration/Channel-Drivers/WebSocket.
 */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Dialect, SocketEvent } from '../../telephony/socket-leg.ts';

export type ControlFormat = 'json' | 'text';

const Control = z.object({
  event: z.string().max(64),
  digit: z.string().max(1).optional(),
  correlation_id: z.string().max(128).optional(),
  format: z.string().max(32).optional(),
});
type Control = z.output<typeof Control>;

export function asteriskDialect(format: ControlFormat, onStart: () => void): Dialect & { command(name: string): string } {
  const command = (name: string, correlationId?: string): string => {
    if (format === 'json')
      return JSON.stringify({ command: name, ...(correlationId === undefined ? {} : { correlation_id: correlationId }) });
    return correlationId === undefined ? name : `${name} ${correlationId}`;
  };
  return {
    command,
    audio: (audio) => audio,
    drop: () => command('FLUSH_MEDIA'),
    confirm: (id) => command('MARK_MEDIA', id),
    read(data) {
      if (typeof data !== 'string') return { says: 'audio', audio: data };
      const control = controlOf(data);
      if (control.event === 'MEDIA_START') {
        if (control.format !== 'ulaw')
          throw new PolybError(
            'invalid_argument',
            `Asterisk sends ${control.format ?? 'an unknown format'}; dial the WebSocket with c(ulaw).`,
          );
        onStart();
        return { says: 'ready' };
      }
      return eventOf(control);
    },
  };
}

function eventOf({ event, digit, correlation_id: id }: Control): SocketEvent | null {
  switch (event) {
    case 'DTMF_END':
      return digit === undefined ? null : { says: 'key', digit };
    case 'MEDIA_MARK_PROCESSED':
      return id === undefined ? null : { says: 'played', id };
    case 'MEDIA_XOFF':
      return { says: 'full' };
    case 'MEDIA_XON':
      return { says: 'room' };
    default:
      return null; // STATUS, QUEUE_DRAINED and what later releases add
  }
}

/** `{"event":"DTMF_END","digit":"5"}`, or `DTMF_END digit:5`. */
function controlOf(message: string): Control {
  const [event = '', ...words] = message.trim().split(/\s+/);
  const fields = message.startsWith('{') ? json(message) : { event, ...Object.fromEntries(words.map((word) => word.split(/:(.*)/s, 2))) };
  const control = Control.safeParse(fields);
  if (!control.success) throw new PolybError('invalid_argument', 'Asterisk has sent a control message of an unknown form.');
  return control.data;
}
function json(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    throw new PolybError('invalid_argument', 'Asterisk has sent a control message that is not JSON.');
  }
}
