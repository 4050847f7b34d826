/** A message as text for operators, without numbers, names, credentials and keys of encrypted audio. */
import { sdpOf } from './body.ts';
import { contentType, reasonPhrase, type SipMessage } from './message.ts';

export interface Masking {
  /** Shortens the user part of a URI: a number or account name. */
  user(user: string): string;
  /** Hides numbers and credentials in free text of a peer. */
  text(text: string): string;
}
const hidden = '***';

/** Headers with addresses. */
const addresses = new Set([
  ...['From', 'To', 'Contact', 'Route', 'Record-Route', 'Path', 'Service-Route', 'Reply-To', 'Refer-To', 'Referred-By'],
  ...[
    'P-Asserted-Identity',
    'P-Preferred-Identity',
    'P-Called-Party-Id',
    'P-Associated-Uri',
    'Remote-Party-Id',
    'Diversion',
    'History-Info',
  ],
]);
/** Headers without personal data. */
const plain = new Set([
  ...[
    'Via',
    'Max-Forwards',
    'Call-ID',
    'CSeq',
    'Content-Type',
    'Content-Length',
    'Content-Disposition',
    'Content-Encoding',
    'MIME-Version',
  ],
  ...['Allow', 'Supported', 'Require', 'Proxy-Require', 'Unsupported', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Event'],
  ...['Allow-Events', 'Subscription-State', 'Session-Expires', 'Min-SE', 'Expires', 'Min-Expires', 'RSeq', 'RAck', 'Retry-After', 'Date'],
  ...['Timestamp', 'User-Agent', 'Server', 'Warning', 'Reason', 'Replaces', 'Refer-Sub', 'P-Early-Media', 'Privacy'],
]);
const digests = new Set(['Authorization', 'Proxy-Authorization', 'WWW-Authenticate', 'Proxy-Authenticate']);
/** Parameters of a digest that are not secret. */
const openParams = new Set(['realm', 'algorithm', 'qop', 'stale', 'nc']);
/** Attributes of SDP that describe audio. */
const openAttributes = new Set([
  ...['rtpmap', 'fmtp', 'ptime', 'maxptime', 'sendrecv', 'sendonly', 'recvonly', 'inactive', 'rtcp', 'rtcp-mux', 'rtcp-fb', 'setup', 'mid'],
  ...['group', 'silenceSupp', 'ssrc-group', 'candidate', 'ice-lite'],
]);

export function maskedText(message: SipMessage, masking: Masking): string {
  const first =
    message.kind === 'request'
      ? `${message.method} ${maskedAddress(message.uri, masking)} SIP/2.0`
      : // The reason phrase of a peer may contain anything.
        `SIP/2.0 ${message.status} ${reasonPhrase(message.status)}`;
  const headers = message.headers.map(([name, value]) => `${name}: ${maskedHeader(name, value, masking)}`);
  return [first, ...headers, '', ...maskedBody(message, masking)].join('\n');
}

function maskedHeader(name: string, value: string, masking: Masking): string {
  if (addresses.has(name)) return maskedAddress(value, masking);
  if (digests.has(name)) return maskedDigest(value);
  return plain.has(name) ? masking.text(value) : hidden;
}

/** One address or a list: hides display names and the headers after `?` in a URI, and shortens user parts. */
function maskedAddress(value: string, masking: Masking): string {
  return value
    .replace(/"(?:[^"\\]|\\.)*"/g, `"${hidden}"`)
    .replace(/(^|,)(\s*)[^",;<>]*[^",;<>\s][^",;<>]*</g, (_, before: string, space: string) => `${before}${space}${hidden} <`)
    .replace(/\?[^>\s,]*/g, `?${hidden}`)
    .replace(/\b(sips?|tel):([^@>\s,]*)@/gi, (_, scheme: string, user: string) => `${scheme}:${masking.user(user)}@`)
    .replace(/\btel:([^@>;\s,]+)/gi, (_, number: string) => `tel:${masking.user(number)}`);
}

function maskedDigest(value: string): string {
  const [, scheme = ''] = /^\s*([A-Za-z]{1,20})\s/.exec(value) ?? [];
  const params = [...value.matchAll(/([A-Za-z]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,]+)/g)];
  return `${scheme} ${params.map(([, name = '', given = '']) => `${name}=${openParams.has(name.toLowerCase()) ? given : hidden}`).join(', ')}`;
}

function maskedBody(message: SipMessage, masking: Masking): readonly string[] {
  if (message.body.length === 0) return [];
  const sdp = sdpOf(message);
  // The keys in an INFO may be a card number.
  if (sdp === null) return [`(${message.body.length} bytes of ${masking.text(contentType(message)).slice(0, 80) || 'no type'})`];
  return sdp.split(/\r?\n/).map((line) => maskedSdp(line, masking));
}
function maskedSdp(line: string, masking: Masking): string {
  const [, kind = '', value = ''] = /^([a-z])=(.*)$/.exec(line) ?? [];
  switch (kind) {
    case 'v':
    case 'c':
    case 'b':
    case 't':
    case 'm':
      return line;
    case 'o':
      return `o=${value.replace(/^\S+/, (user) => (user === '-' ? user : masking.user(user)))}`;
    case 'a': {
      const [name = ''] = value.split(':', 1);
      if (name === 'crypto') return line.replace(/inline:\S*/g, `inline:${hidden}`);
      return openAttributes.has(name) ? line : `a=${masking.text(name).slice(0, 40)}:${hidden}`;
    }
    case '':
      return line === '' ? '' : hidden;
    default:
      return `${kind}=${hidden}`;
  }
}
