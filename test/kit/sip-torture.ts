/** SIP messages as hostile as those of RFC 4475, with what a parser must make of each. They are also the seeds of mutated ones. */

export interface TortureMessage {
  readonly name: string;
  readonly text: string;
  /** `valid`, the status of the response, or `dropped`. */
  readonly becomes: 'valid' | 'dropped' | number;
}

const lines = (...each: string[]): string => each.join('\r\n');
const usual = [
  'Via: SIP/2.0/UDP 192.0.2.15:5060;branch=z9hG4bK776asdhds;rport',
  'Max-Forwards: 70',
  'From: <sip:caller@example.net>;tag=1928301774',
  'To: <sip:callee@example.com>',
  'Call-ID: a84b4c76e66710@192.0.2.15',
];
const withCseq = (method: string): string[] => [...usual, `CSeq: 314159 ${method}`];
const message = (first: string, headers: readonly string[], body = ''): string => lines(first, ...headers, '', body);
const invite = 'INVITE sip:callee@example.com SIP/2.0';
const options = 'OPTIONS sip:callee@example.com SIP/2.0';
const sdp = lines(
  'v=0',
  'o=- 2890844526 1 IN IP4 192.0.2.15',
  's=-',
  'c=IN IP4 192.0.2.15',
  't=0 0',
  'm=audio 49170 RTP/AVP 0 8 13 101',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-15',
  'a=ptime:20',
  '',
);
const without = (name: string): string[] => withCseq('INVITE').filter((line) => !line.startsWith(`${name}:`));
const replaced = (name: string, line: string): string[] => withCseq('INVITE').map((each) => (each.startsWith(`${name}:`) ? line : each));

export const tortureMessages: readonly TortureMessage[] = [
  {
    name: 'an INVITE with SDP',
    text: message(
      invite,
      [...withCseq('INVITE'), 'Contact: <sip:caller@192.0.2.15>', 'Content-Type: application/sdp', `Content-Length: ${sdp.length}`],
      sdp,
    ),
    becomes: 'valid',
  },
  {
    name: 'odd spacing, folded lines, compact names and quotes inside names (wsinv)',
    text: message('INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0', [
      'TO :',
      ' sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n',
      'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
      '  ;',
      '  tag = 98asjd8',
      'MaX-fOrWaRdS: 0068',
      'Call-ID: wsinv.ndaksdj@192.0.2.1',
      'cseq: 0009',
      '  INVITE',
      'Via  : SIP  /   2.0',
      ' /UDP',
      '    192.0.2.2;branch=390skdjuw',
      's :',
      'NewFangledHeader:   newfangled value',
      ' continued newfangled value',
      'UnknownHeaderWithUnusualValue: ;;,,;;,;',
      'Content-Type: application/sdp',
      'Route:',
      ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
      'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
      '  branch  =   z9hG4bK9ikj8  ,',
      ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
      ' z9hG4bK30239',
      'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
      '      newvalue ;',
      '  secondparam ; q = 0.33',
      'l: 0',
    ]).replace('MaX-fOrWaRdS: 0068', 'MaX-fOrWaRdS: 068'),
    becomes: 'valid',
  },
  {
    name: 'every character that a token may have (intmeth)',
    text: message("!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com SIP/2.0", [
      ...usual,
      "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~",
      "extensionHeader-!.%*+_`'~:\uFEFF\u5927\u505C\u96FB",
      'Content-Length: 0',
    ]),
    becomes: 'valid',
  },
  {
    name: 'escapes in the user (esc01)',
    text: message('INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0', [...withCseq('INVITE'), 'l: 0']),
    becomes: 'valid',
  },
  {
    name: 'an escaped zero (escnull)',
    text: message('REGISTER sip:example.com SIP/2.0', [...withCseq('REGISTER'), 'Contact: <sip:%00@host5.example.com>', 'L: 0']),
    becomes: 'valid',
  },
  {
    name: 'a display name without quotes that touches its bracket (lwsdisp)',
    text: message(options, [
      ...replaced('From', 'From: caller<sip:caller@example.net>;tag=323').map((line) => line.replace('INVITE', 'OPTIONS')),
      'l: 0',
    ]),
    becomes: 'valid',
  },
  {
    name: 'an unusual reason phrase (unreason)',
    text: message('SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e', [...withCseq('INVITE'), 'l: 0']),
    becomes: 'valid',
  },
  { name: 'an empty reason phrase (noreason)', text: message('SIP/2.0 100 ', [...withCseq('INVITE'), 'l: 0']), becomes: 'valid' },
  {
    name: 'semicolons in the user (semiuri)',
    text: message('OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0', [...withCseq('OPTIONS'), 'l: 0']),
    becomes: 'valid',
  },
  {
    name: 'an unknown transport in Via (transports)',
    text: message(options, [...withCseq('OPTIONS'), 'Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKkdjuw', 'l: 0']),
    becomes: 'valid',
  },
  {
    name: 'Max-Forwards of zero (zeromf)',
    text: message(options, [...withCseq('OPTIONS').map((line) => line.replace(': 70', ': 0')), 'l: 0']),
    becomes: 'valid',
  },
  {
    name: 'IPv6 in every place',
    text: message('OPTIONS sip:[2001:db8::9:1]:5070 SIP/2.0', [
      ...withCseq('OPTIONS').map((line) => line.replace('192.0.2.15:5060', '[2001:db8::9:1]:5060')),
      'Contact: <sip:[2001:db8::9:1]>',
      'l: 0',
    ]),
    becomes: 'valid',
  },
  { name: 'bare line feeds', text: message(options, [...withCseq('OPTIONS'), 'l: 0']).replaceAll('\r\n', '\n'), becomes: 'valid' },
  {
    name: 'a body longer than Content-Length',
    text: message(invite, [...withCseq('INVITE'), 'Content-Length: 4'], 'v=0\r\nmore'),
    becomes: 'valid',
  },
  {
    name: 'commas and separators run wild (badinv01)',
    text: message(invite, [...replaced('Via', 'Via: SIP/2.0/UDP 192.0.2.15;;,;,,'), 'l: 0']),
    becomes: 400,
  },
  {
    name: 'Content-Length larger than the datagram (clerr)',
    text: message(invite, [...withCseq('INVITE'), 'Content-Length: 9999'], sdp),
    becomes: 400,
  },
  { name: 'a negative Content-Length (ncl)', text: message(invite, [...withCseq('INVITE'), 'Content-Length: -999'], sdp), becomes: 400 },
  { name: 'two different Content-Lengths', text: message(invite, [...withCseq('INVITE'), 'Content-Length: 0', 'l: 5'], sdp), becomes: 400 },
  {
    name: 'overlarge values of CSeq and Max-Forwards (scalar02)',
    text: message(invite, [...usual.map((line) => line.replace(': 70', ': 300')), 'CSeq: 36893488147419103232 INVITE', 'l: 0']),
    becomes: 400,
  },
  {
    name: 'an unterminated quote (quotbal)',
    text: message(invite, [...replaced('To', 'To: "Mr. J. User <sip:j.user@example.com>'), 'l: 0']),
    becomes: 400,
  },
  {
    name: 'a Request-URI in brackets (ltgtruri)',
    text: message('INVITE <sip:callee@example.com> SIP/2.0', [...withCseq('INVITE'), 'l: 0']),
    becomes: 'dropped',
  },
  {
    name: 'spaces inside the Request-URI (lwsruri)',
    text: message('INVITE sip:callee@example.com; lr SIP/2.0', [...withCseq('INVITE'), 'l: 0']),
    becomes: 'dropped',
  },
  {
    name: 'spaces at the end of the request line (trws)',
    text: message('OPTIONS sip:callee@example.com SIP/2.0  ', [...withCseq('OPTIONS'), 'l: 0']),
    becomes: 'dropped',
  },
  {
    name: 'another version (badvers)',
    text: message('OPTIONS sip:callee@example.com SIP/7.0', [...withCseq('OPTIONS'), 'l: 0']),
    becomes: 505,
  },
  {
    name: 'methods that differ (mismatch01)',
    text: message('OPTIONS sip:callee@example.com SIP/2.0', [...withCseq('INVITE'), 'l: 0']),
    becomes: 400,
  },
  {
    name: 'an overlarge status (bigcode)',
    text: message('SIP/2.0 4294967301 better not break the receiver', [...withCseq('INVITE'), 'l: 0']),
    becomes: 'dropped',
  },
  {
    name: 'a name that needs quotes (baddn)',
    text: message(options, [
      ...replaced('From', 'From: Bell, Alexander <sip:a.g.bell@bell-tel.com>;tag=43').map((line) => line.replace('INVITE', 'OPTIONS')),
      'l: 0',
    ]),
    becomes: 400,
  },
  { name: 'no Call-ID (insuf)', text: message(invite, [...without('Call-ID'), 'l: 0']), becomes: 'dropped' },
  { name: 'no CSeq', text: message(invite, [...without('CSeq'), 'l: 0']), becomes: 'dropped' },
  { name: 'no Via', text: message(invite, [...without('Via'), 'l: 0']), becomes: 'dropped' },
  {
    name: 'two From and two To headers (multi01)',
    text: message(invite, [...withCseq('INVITE'), 'From: <sip:other@example.net>;tag=3', 'To: <sip:x@y.z>', 'l: 0']),
    becomes: 400,
  },
  { name: 'a Contact that is no address', text: message(invite, [...withCseq('INVITE'), 'Contact: <<<>>>', 'l: 0']), becomes: 400 },
  {
    name: 'an ACK that is malformed',
    text: message('ACK sip:callee@example.com SIP/2.0', [...withCseq('ACK'), 'l: x']),
    becomes: 'dropped',
  },
  { name: 'a folded line before any header', text: `${invite}\r\n folded\r\n\r\n`, becomes: 'dropped' },
  { name: 'nothing but line ends', text: '\r\n\r\n\r\n', becomes: 'dropped' },
  { name: 'no end of the headers', text: `${invite}\r\nVia: SIP/2.0/UDP 192.0.2.15`, becomes: 'dropped' },
  {
    name: 'a thousand headers',
    text: message(invite, [...withCseq('INVITE'), ...Array.from({ length: 1_000 }, (_, at) => `X-${at}: y`)]),
    becomes: 'dropped',
  },
  { name: 'headers of 40 KB', text: message(invite, [...withCseq('INVITE'), `Subject: ${'x'.repeat(40_000)}`]), becomes: 'dropped' },
  { name: 'HTTP', text: 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n', becomes: 'dropped' },
];
