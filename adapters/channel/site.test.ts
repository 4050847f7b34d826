import type { inbox } from '../../contracts/inbox.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { channelConformance } from './conformance.ts';
import type { Intake, Sending } from './port.ts';
import { site } from './site.ts';

channelConformance(site, { webhook: false, provider: false, contactButton: false }, async () => {
  const [intake, sending] = [
    site.intake?.create({} as never, {} as never) as Intake,
    site.sending?.create({} as never, {} as never) as Sending,
  ];
  let nth = 0;
  const accept = (message: ParsedOf<typeof inbox.store_message>) => {
    const accepted = intake.accept?.(message, `m${++nth}`, Date.now());
    return accepted === undefined ? [] : [accepted.update];
  };
  return {
    intake,
    sending,
    botId: '0',
    customer: 'visitor-1',
    deliver: (text) => accept({ from: 'visitor-1', text }),
    choose: ({ id, title }) => accept({ from: 'visitor-1', text: title, choice: id }),
    stop: async () => {},
  };
});
