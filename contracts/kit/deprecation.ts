/** Deprecation of a method. Dates are written `2026-11-20`, in UTC. */
export interface Deprecation {
  /** The replacement: `use calls.start_call`. */
  readonly instead: string;
  readonly since: string;
  /** From this date on the method may be removed. */
  readonly until?: string;
}

/** `use calls.start_call; deprecated since 2026-11-20, removed from 2027-05-20` */
export function deprecationText({ instead, since, until }: Deprecation): string {
  return `${instead}; deprecated since ${since}${until === undefined ? '' : `, removed from ${until}`}`;
}

/** The headers of RFC 9745 and RFC 8594. @throws TypeError for an invalid date. */
export function deprecationHeaders({ since, until }: Deprecation): Readonly<Record<string, string>> {
  return {
    deprecation: `@${dayMs(since) / 1000}`,
    ...(until === undefined ? {} : { sunset: new Date(dayMs(until)).toUTCString() }),
    link: '</openapi.json>; rel="deprecation"; type="application/json"',
  };
}
function dayMs(day: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(day) : Number.NaN;
  if (Number.isNaN(ms)) throw new TypeError(`expected a day like 2026-11-20, got ${day}`);
  return ms;
}
