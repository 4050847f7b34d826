/** `polyb sip`. */
import type { Command } from '../../../scripts/cli/kernel/command.ts';

export default [
  {
    name: 'sip',
    summary: 'Show the SIP messages of a call, and check whether a SIP peer responds.',
    impact: 'ro',
    commands: [
      {
        name: 'trace',
        summary: 'Draw the SIP messages of a call as a ladder, during the call or afterwards.',
        usage: 'CALL',
        impact: 'ro',
        details: [
          'This system is on the left, each peer has its own line, and times count from the first message. Numbers, names and credentials are masked before messages are stored. Messages are kept for 30 days, at most 200 for each leg.',
        ],
        flags: [{ name: 'full', summary: 'Print the text of each message below the ladder.' }],
        examples: [
          { line: 'polyb sip trace call_1' },
          { line: 'polyb sip trace call_1 --full' },
          { line: 'polyb sip trace call_1 -o jsonl' },
        ],
        seeAlso: ['calls show', 'calls ls', 'sip ping'],
        run: async () => (await import('./trace.ts')).traceCall,
      },
      {
        name: 'ping',
        summary: 'Send OPTIONS to a SIP URI, and show the response, the round-trip time and the capabilities of the peer.',
        usage: 'URI',
        impact: 'ro',
        details: [
          'The request comes from this machine, not from telephony-gateway. Exits with 0 when the peer responds with a status below 500, with 9 for any other status, with 5 without a response within --timeout (5s), and with 3 when the name has no address.',
        ],
        flags: [{ name: 'count', value: 'N', summary: 'Number of requests, one second apart; default 1.' }],
        examples: [
          { line: 'polyb sip ping sip:sip.provider.example' },
          { line: "polyb sip ping 'sip:192.0.2.1:5060;transport=tcp' --count 5", says: 'quoted: ; ends a command in a shell' },
        ],
        seeAlso: ['calls trunks', 'sip trace'],
        run: async () => (await import('./ping.ts')).ping,
      },
    ],
  },
] satisfies readonly Command[];
