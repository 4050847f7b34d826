/** The company behind the built-in booking calendar: what it offers, who works when. */
import { z } from 'zod';
import { Connection, Day, Id, Line, Money, PersonName, Phone, TimeZone } from './common.ts';
import { contract, method } from './kit/define.ts';

/** A time of day, `09:30`; `24:00` is the end of the day. */
export const ClockTime = z
  .string()
  .max(5)
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'a time of day, e.g. 09:30');
const Hours = z
  .strictObject({ from: ClockTime, to: ClockTime })
  .refine(({ from, to }) => from < to, 'from before to; write hours over midnight as two days');
const OwnId = Id.regex(/^[\w.-]+$/, 'letters, digits, _, - and .');

export const Company = z
  .strictObject({
    name: Line,
    timeZone: TimeZone.describe('Zone of the location: hours, days and limits are counted in it.'),
    address: Line.optional(),
    phoneNumber: Phone.optional().describe('The phone of the company, for customers.'),
    greeting: Line.optional().describe('How the agent begins a conversation.'),
    openingHours: z
      .array(z.strictObject({ weekday: z.int().min(1).max(7).describe('1 is Monday.'), ...Hours.shape }))
      .max(50)
      .default([])
      .describe('When staff answers customers; empty if not stated.'),
    stepMinutes: z.int().min(5).max(240).default(15).describe('Distance between two possible starts.'),
    noticeMinutes: z.int().min(0).max(43_200).default(60).describe('A slot closer than this is not offered.'),
    horizonDays: z.int().min(1).max(366).default(60).describe('Slots further ahead are not offered.'),
    services: z
      .array(
        z.strictObject({
          serviceId: OwnId,
          name: Line,
          category: Line.optional(),
          durationMinutes: z.int().min(5).max(1440),
          bufferMinutes: z.int().min(0).max(240).default(0).describe('Time after the service that stays free.'),
          price: Money.optional(),
        }),
      )
      .max(500),
    employees: z
      .array(
        z.strictObject({
          employeeId: OwnId,
          name: PersonName,
          position: Line.optional(),
          timeZone: TimeZone.optional().describe('Zone of the hours, if it is not that of the location.'),
          serviceIds: z.array(OwnId).max(500),
          hours: z.array(z.strictObject({ weekday: z.int().min(1).max(7).describe('1 is Monday.'), ...Hours.shape })).max(50),
          exceptions: z
            .array(z.strictObject({ day: Day, hours: z.array(Hours).max(10).describe('Empty for a day off.') }))
            .max(1000)
            .default([])
            .describe('Days whose hours differ from those of the week.'),
        }),
      )
      .max(500),
    holidays: z.array(Day).max(1000).default([]).describe('Days on which nobody works, exceptions too.'),
  })
  .superRefine(({ services, employees }, context) => {
    const known = new Set(services.map(({ serviceId }) => serviceId));
    const twice = (ids: readonly string[]) => ids.find((id, nth) => ids.indexOf(id) !== nth);
    const ids = { services: services.map(({ serviceId }) => serviceId), employees: employees.map(({ employeeId }) => employeeId) };
    for (const [path, all] of Object.entries(ids)) {
      const id = twice(all);
      if (id !== undefined) context.addIssue({ code: 'custom', path: [path], message: `the id ${id} is used twice` });
    }
    for (const [nth, { serviceIds }] of employees.entries())
      for (const id of serviceIds.filter((each) => !known.has(each)))
        context.addIssue({ code: 'custom', path: ['employees', nth, 'serviceIds'], message: `there is no service ${id}` });
  });

export const company = contract('company', '1.0.0', {
  get: method({
    summary: 'The company of the built-in booking calendar.',
    input: z.strictObject({ connection: Connection.optional() }),
    output: z.object({ company: Company.nullable() }),
    idempotency: 'read',
    errors: { unsupported: 'unimplemented', no_connection: 'failed_precondition' },
    http: 'GET /api/v1/company',
  }),
  set: method({
    summary: 'Replace the company of the built-in booking calendar. Appointments stay.',
    input: z.strictObject({ connection: Connection.optional(), company: Company }),
    output: z.object({ services: z.int().min(0).max(500), employees: z.int().min(0).max(500) }),
    idempotency: 'idempotent',
    roles: ['operator'],
    errors: { unsupported: 'unimplemented', no_connection: 'failed_precondition' },
    http: 'PUT /api/v1/company',
  }),
});
