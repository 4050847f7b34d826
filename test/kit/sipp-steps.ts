/** Steps of sipp scenarios, as XML. */

const sdp = `v=0
      o=sipp 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0 101
      a=rtpmap:101 telephone-event/8000`;

interface Sending {
  readonly headers?: readonly string[];
  readonly sdp?: boolean | string;
  /** T1 in ms: the message is sent again until the next one comes. */
  readonly retransMs?: number;
}

function message(lines: readonly string[], { headers = [], sdp: described = false, retransMs }: Sending): string {
  const body = described === false ? '' : `${sdp}${described === true ? '' : `\n      a=${described}`}`;
  const content = described === false ? ['Content-Length: 0'] : ['Content-Type: application/sdp', 'Content-Length: [len]'];
  const text = [...lines, ...headers, ...content].join('\n      ');
  return `<send${retransMs === undefined ? '' : ` retrans="${retransMs}"`}><![CDATA[\n\n      ${text}\n\n      ${body}\n\n]]></send>`;
}

export const receive = (method: string, more = ''): string => `<recv request="${method}" ${more}/>`;
export const expectResponse = (status: number, more = ''): string => `<recv response="${status}" ${more}/>`;
export const maybe = (status: number): string => `<recv response="${status}" optional="true"/>`;
export const pause = (ms: number): string => `<pause milliseconds="${ms}"/>`;

/** A response to the last request; with `seq` one to the INVITE, whose Via a CANCEL shares. */
export function respond(
  status: string,
  { tag = '[call_number]', seq, ...sending }: Sending & { readonly tag?: string; readonly seq?: string } = {},
): string {
  return message(
    [
      `SIP/2.0 ${status}`,
      '[last_Via:]',
      '[last_From:]',
      `[last_To:]${tag === '' ? '' : `;tag=${tag}`}`,
      '[last_Call-ID:]',
      seq === undefined ? '[last_CSeq:]' : `CSeq: ${seq}`,
      'Contact: <sip:sipp@[local_ip]:[local_port]>',
    ],
    sending,
  );
}

/** A request of the caller; inside the dialog once the callee's tag is known. */
export function request(method: string, seq: number, sending: Sending = {}): string {
  const isFirst = seq === 1 && method !== 'ACK';
  return message(
    [
      `${method} ${isFirst ? 'sip:100@[remote_ip]:[remote_port]' : '[next_url]'} SIP/2.0`,
      'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport',
      'From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]x[call_number]',
      `To: <sip:100@[remote_ip]:[remote_port]>${isFirst ? '' : '[peer_tag_param]'}`,
      'Call-ID: [call_id]',
      `CSeq: ${seq} ${method}`,
      'Contact: <sip:sipp@[local_ip]:[local_port]>',
      'Max-Forwards: 70',
    ],
    sending,
  );
}

/** Keeps the whole value of headers of the request under names, for `[$name]`. */
export function receiveAnd(method: string, kept: Readonly<Record<string, string>>, more = ''): string {
  const actions = Object.entries(kept).map(
    ([name, header]) => `<ereg regexp=".*" search_in="hdr" header="${header}:" assign_to="${name}"/>`,
  );
  return `<recv request="${method}" ${more}><action>${actions.join('')}</action></recv>`;
}

/** A request of the callee inside the dialog: From and To change places with those of the ACK, kept as `from` and `to`. */
export function bySipp(method: string, sending: Sending = {}): string {
  return message(
    [
      `${method} [next_url] SIP/2.0`,
      'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport',
      'From:[$to]',
      'To:[$from]',
      'Call-ID: [call_id]',
      `CSeq: 1 ${method}`,
      'Contact: <sip:sipp@[local_ip]:[local_port]>',
      'Max-Forwards: 70',
    ],
    sending,
  );
}
