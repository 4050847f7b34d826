/** What a browser's offer must have for a call with G.711. Sources: RFC 8829 (JSEP), RFC 7874, section 3 (PCMU is mandatory in browsers). */
import { PolybError } from '../../../contracts/kit/errors.ts';
import { attribute, type MediaLine, parseSdp } from '../../../media/sip/sdp.ts';

export interface Offer {
  /** With no other codec of audio than PCMU and telephone events at 8 kHz: the library would choose those of 48 kHz, by the name alone. */
  readonly sdp: string;
  /** Payload type of telephone events at 8 kHz (RFC 4733); null if the browser sends none. */
  readonly eventType: number | null;
}
export const offerBytesMost = 20_000;

/** @throws PolybError invalid_argument/bad_offer, which names what is expected. */
export function readOffer(sdp: string): Offer {
  const bytes = Buffer.byteLength(sdp);
  if (bytes > offerBytesMost) throw bad(`at most ${offerBytesMost} bytes; it has ${bytes}`);
  const parsed = parseSdp(sdp);
  if (parsed === null) throw bad('a session description that begins with v=0');
  const line = parsed.media.find(({ kind, port }) => kind === 'audio' && port !== 0);
  if (line === undefined) throw bad('an audio line (m=audio)');
  if (!/^(UDP|TCP)\/TLS\/RTP\/SAVPF$/.test(line.protocol)) throw bad('audio over DTLS-SRTP (UDP/TLS/RTP/SAVPF), as browsers offer it');
  if (!line.formats.includes('0')) throw bad('the codec PCMU at 8 kHz, payload type 0');
  for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint'])
    if (attribute(line, name) === null && attribute(parsed, name) === null)
      throw bad(`a=${name}; it must be complete, with all candidates gathered`);
  const eventType = eventTypeOf(line);
  return { sdp: narrowed(sdp, eventType === null ? ['0'] : ['0', String(eventType)]), eventType };
}

function eventTypeOf({ attributes, formats }: MediaLine): number | null {
  const map = attributes.find(([name, value]) => name === 'rtpmap' && /^\d{1,3} telephone-event\/8000$/i.test(value ?? ''));
  const type = map?.[1]?.split(' ', 1)[0];
  return type !== undefined && formats.includes(type) ? Number(type) : null;
}
function narrowed(sdp: string, types: readonly string[]): string {
  return sdp
    .replace(/^(m=audio \d+ \S+).*$/gim, `$1 ${types.join(' ')}`)
    .replace(/^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) .*(?:\r?\n)/gm, (line, type: string) => (types.includes(type) ? line : ''));
}
function bad(expected: string): PolybError {
  return new PolybError('invalid_argument', `The offer cannot be answered; expected ${expected}.`, { reason: 'bad_offer' });
}
