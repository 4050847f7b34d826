/** What the model is given of the company and the session: in words for its prompt, and in machine form. */

import { weekdayOf, zoneOf } from '../../adapters/booking/zone.ts';
import type { Company } from './company.ts';
import { calendarOf, dateLabel, shortWeekdays } from './days/labels.ts';
import type { Proposal } from './rows/proposals.ts';
import type { Session } from './rows/sessions.ts';
import { moneyText, whenText } from './said.ts';
import { shownAppointment, shownSlot } from './tools/reads.ts';
import { wordsFor } from './words.ts';

export const factNames = [
  'company',
  'companyFacts',
  'services',
  'now',
  'calendar',
  'customer',
  'appointments',
  'offered',
  'proposal',
] as const;
/** A press with which the turn began. */
export interface Pressed {
  readonly kind: 'slot' | 'service' | 'appointment' | 'day' | 'menu';
  readonly ref: string;
}
export interface Known {
  readonly session: Session;
  readonly company: Company;
  readonly open: Proposal | null;
  readonly pressed: Pressed | null;
  /** Unix ms. */
  readonly now: number;
}
/** A value of others in one line, so that it cannot pass for a line of the prompt. */
const inLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
const calendarDays = 14;
const mostServices = 40;
const mostOffered = 20;

export function promptFacts({ session, company, open, now }: Known): Readonly<Record<(typeof factNames)[number], string>> {
  const { language, memory } = session;
  const none = language === 'ru' ? 'нет' : 'none';
  const zone = zoneOf(company.timeZone);
  const start = zone.iso(now);
  const orNone = (lines: readonly string[], join = '\n') => (lines.length === 0 ? none : lines.join(join));
  const phones = {
    ru: { none: 'телефон неизвестен', claimed: 'телефон назван, не подтверждён', proved: 'телефон подтверждён' },
    en: { none: 'no phone', claimed: 'phone stated, not proved', proved: 'phone proved' },
  };
  return {
    company: inLine(company.name) || (language === 'ru' ? 'наша компания' : 'our company'),
    companyFacts: orNone(
      [company.address, company.phone, hoursText(company, language)].flatMap((part) => (part ? [inLine(part)] : [])),
      '; ',
    ),
    services: !company.isReachable
      ? language === 'ru'
        ? 'неизвестны: система записи сейчас не отвечает; скажи об этом и предложи передать разговор сотруднику'
        : 'unknown: the booking system does not answer now; say so and offer to hand over to a colleague'
      : orNone(
          company.services.slice(0, mostServices).map(({ serviceId, name, durationMinutes, price }) => {
            const cost = price === null ? '' : `, ${moneyText(price.from)}`;
            return `- ${serviceId}: ${inLine(name)}${durationMinutes === null ? '' : `, ${durationMinutes} ${language === 'ru' ? 'мин' : 'min'}`}${cost}`;
          }),
        ),
    now: `${dateLabel(start.slice(0, 10), language)}, ${start.slice(11, 16)}`,
    calendar: calendarOf(now, company.timeZone, language, calendarDays).join('\n'),
    customer: `${session.name === null ? (language === 'ru' ? 'имя неизвестно' : 'no name') : inLine(session.name)}, ${phones[language][session.phoneProof]}`,
    appointments:
      session.phoneProof !== 'proved'
        ? language === 'ru'
          ? 'неизвестны, пока телефон не подтверждён'
          : 'unknown until the phone is proved'
        : orNone(
            (memory.appointments ?? []).map(
              (of) => `${of.appointment}: ${inLine(of.services.join(', '))}, ${whenText(of.start, language)}`,
            ),
            '; ',
          ),
    offered: orNone(
      memory.offered
        .slice(0, mostOffered)
        .map((of) => `${of.slot}: ${whenText(of.start, language)}${of.employee === null ? '' : `, ${inLine(of.employee)}`}`),
      '; ',
    ),
    proposal: open === null ? '' : `${language === 'ru' ? 'Ждёт подтверждения клиента' : 'Waits for the customer'}: ${inLine(open.text)}`,
  };
}

/** The same for a model that is a program. */
export function machineFacts({ session, company, open, pressed, now }: Known): Readonly<Record<string, unknown>> {
  const { language, memory } = session;
  return {
    language,
    isSpoken: session.isSpoken ?? false,
    state: session.state,
    now: zoneOf(company.timeZone).iso(now),
    timeZone: company.timeZone,
    company: {
      name: company.name,
      address: company.address,
      phone: company.phone,
      greeting: company.greeting,
      hours: hoursText(company, language) || null,
    },
    customer: { name: session.name, phone: session.phoneProof },
    services: company.services.slice(0, mostServices).map(({ serviceId, name, durationMinutes, price }) => ({
      service: serviceId,
      name,
      minutes: durationMinutes,
      price: price === null ? null : moneyText(price.from),
    })),
    chosen: memory.chosen,
    offered: memory.offered.map((each) => shownSlot(each, language)),
    appointments: memory.appointments === null ? null : memory.appointments.map((each) => shownAppointment(each, language)),
    openProposal: open === null ? null : { proposal: open.proposalId, what: open.what, text: open.text },
    pressed,
  };
}

/** `пн–пт 10:00–21:00, сб–вс 10:00–18:00` */
export function hoursText({ hours }: Company, language: 'ru' | 'en'): string {
  const byDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) =>
    hours
      .filter((each) => each.weekday === weekday)
      .map(({ from, to }) => `${from}–${to}`)
      .join(' '),
  );
  const spans: { from: number; to: number; text: string }[] = [];
  for (const [day, text] of byDay.entries()) {
    const last = spans.at(-1);
    if (text === '') continue;
    if (last !== undefined && last.text === text && last.to === day - 1) last.to = day;
    else spans.push({ from: day, to: day, text });
  }
  const name = (day: number) => shortWeekdays[language][day] ?? '';
  return spans.map(({ from, to, text }) => `${name(from)}${from === to ? '' : `–${name(to)}`} ${text}`).join(', ');
}
/** What a customer reads or hears whose conversation goes to staff. @param now Unix ms */
export function handOverText(company: Company, now: number, session: Pick<Session, 'language' | 'isSpoken'>): string {
  const { handedOver, handedOverClosed } = wordsFor(session);
  const opens = opensNext(company, now, session.language);
  return opens === null ? handedOver : handedOverClosed(opens);
}
/** Whether the opening hours are stated, and staff does not answer now. @param now Unix ms */
export const isStaffAway = (company: Company, now: number): boolean => opensNext(company, now, 'ru') !== null;
/** When staff answers next, in words; null while it is open, or if the hours are not stated. @param now Unix ms */
function opensNext({ hours, timeZone }: Company, now: number, language: 'ru' | 'en'): string | null {
  if (hours.length === 0) return null;
  const zone = zoneOf(timeZone);
  const time = zone.iso(now).slice(11, 16);
  for (let ahead = 0; ahead <= 7; ahead++) {
    const day = zone.dayOf(now + ahead * 86_400_000);
    const open = hours.filter((each) => each.weekday === weekdayOf(day)).toSorted((a, b) => a.from.localeCompare(b.from));
    if (ahead === 0 && open.some(({ from, to }) => from <= time && time < to)) return null;
    const next = open.find(({ from }) => ahead > 0 || from > time);
    if (next === undefined) continue;
    const when =
      ahead === 0
        ? language === 'ru'
          ? 'сегодня'
          : 'today'
        : ahead === 1
          ? language === 'ru'
            ? 'завтра'
            : 'tomorrow'
          : dateLabel(day, language);
    return `${when}, ${next.from}`;
  }
  return null;
}
