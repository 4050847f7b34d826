/** What supports the words of a model: rows of the session, the facts it was given, and what the customer said. */
import type { Support } from './claims/support.ts';
import type { Company } from './company.ts';
import type { Proposal } from './rows/proposals.ts';
import type { Session } from './rows/sessions.ts';
import type { Ask } from './tools/tool.ts';

interface Grounds {
  readonly session: Session;
  readonly company: Company;
  readonly open: Proposal | null;
  readonly asks: readonly Ask[];
  readonly said: readonly string[];
  /** Texts of ours to the model. */
  readonly secrets: readonly string[];
}
export function supportOf({ session, company, open, asks, said, secrets }: Grounds): Support {
  const { memory } = session;
  const momentOf = ({ start }: { readonly start: string }) => ({ date: start.slice(0, 10), time: start.slice(11, 16) });
  const proposals = [...(open === null ? [] : [open.details]), ...asks.flatMap((ask) => (ask.is === 'propose' ? [ask.details] : []))];
  const prices = [
    ...company.services.flatMap(({ price }) => (price === null ? [] : [price.from, price.to])),
    ...memory.offered.flatMap(({ price }) => (price === null ? [] : [price])),
  ];
  return {
    done: memory.deeds,
    openProposal: proposals.length > 0,
    offered: [...memory.offered.map(momentOf), ...proposals.map(momentOf)],
    appointments: (memory.appointments ?? []).map(momentOf),
    times: [...company.hours.flatMap(({ from, to }) => [from, to]), ...said.flatMap((text) => text.match(/\b\d{1,2}:\d{2}\b/g) ?? [])],
    prices: prices.map(({ amountMinor }) => amountMinor / 100),
    phones: company.phone === null ? [] : [company.phone],
    links: [],
    names: [
      company.name,
      company.address ?? '',
      ...company.services.map(({ name }) => name),
      ...memory.offered.flatMap(({ employee }) => employee ?? []),
    ],
    secrets,
  };
}
