/** A date is `YYYY-MM-DD`, a time `HH:MM`. */
export interface Moment {
  readonly date: string;
  readonly time: string;
}

/** What rows of the session and facts hold: the ground of what a text may say. */
export interface Support {
  readonly done: readonly ('booked' | 'moved' | 'cancelled' | 'called' | 'call_requested' | 'passed_on' | 'noted')[];
  /** A proposal waits for the customer: a text may say that it is prepared. */
  readonly openProposal: boolean;
  readonly offered: readonly Moment[];
  /** Appointments of the customer, as a tool returned them. */
  readonly appointments: readonly Moment[];
  /** Times without a date: opening hours, and what the customer wrote. */
  readonly times: readonly string[];
  /** Major units. */
  readonly prices: readonly number[];
  readonly phones: readonly string[];
  /** Links and e-mail addresses. */
  readonly links: readonly string[];
  /** Names of services, employees and the company: their numbers are neither prices nor times. */
  readonly names: readonly string[];
  /** Texts that must not leave: instructions of the prompt without the facts in it, and markers. */
  readonly secrets: readonly string[];
}

export const noSupport: Support = {
  done: [],
  openProposal: false,
  offered: [],
  appointments: [],
  times: [],
  prices: [],
  phones: [],
  links: [],
  names: [],
  secrets: [],
};
