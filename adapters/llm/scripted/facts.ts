/** The facts and tool results that the scripted agent reads. Unknown fields are ignored; what is absent counts as unknown. */
import { z } from 'zod';

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? null);
const Service = z.object({ service: z.string(), name: z.string(), minutes: z.number().nullish(), price: text });
const Slot = z.object({ slot: z.string(), date: z.string(), weekday: z.string(), time: z.string(), employee: text, service: text });
const Appointment = z.object({ appointment: z.string(), service: z.string(), date: z.string(), weekday: z.string(), time: z.string() });
const Employee = z.object({ employee: z.string(), name: z.string(), position: text });

export const Facts = z.object({
  language: z.enum(['ru', 'en']).default('ru'),
  /** The reply is heard in a call. */
  isSpoken: z.boolean().default(false),
  state: z.string().default('GREETING'),
  /** ISO 8601 with the offset of the location. */
  now: z.string().default(''),
  company: z.object({ name: text, address: text, phone: text, hours: text, greeting: text }).prefault({}),
  customer: z.object({ name: text, phone: z.enum(['none', 'claimed', 'proved']).default('none') }).prefault({}),
  services: z.array(Service).default([]),
  chosen: z.array(z.string()).default([]),
  offered: z.array(Slot).default([]),
  appointments: z.array(Appointment).nullish(),
  openProposal: z.object({ what: z.enum(['create', 'move', 'cancel']) }).nullish(),
  pressed: z.object({ kind: z.enum(['slot', 'service', 'appointment', 'day', 'menu']), ref: z.string() }).nullish(),
});
export type Facts = z.output<typeof Facts>;
export type Service = z.output<typeof Service>;
export type Slot = z.output<typeof Slot>;
export type Appointment = z.output<typeof Appointment>;

const Time = z.object({ from: z.string().optional(), to: z.string().optional() });
const Reading = z.object({
  day: z.union([z.string(), z.object({ from: z.string(), to: z.string() })]).optional(),
  time: Time.optional(),
});
export type Reading = z.output<typeof Reading>;

/** The result of a tool: data, or an error. */
export const Result = z.object({
  error: z.string().optional(),
  missing: z.array(z.string()).optional(),
  readings: z.array(Reading).optional(),
  /** Of a weekday that does not fit: the date that was named, and the nearest day of the weekday that was named. */
  nearest: z.string().optional(),
  date: z.string().optional(),
  slots: z.array(Slot).optional(),
  from: z.string().optional(),
  days: z.number().optional(),
  services: z.array(Service).optional(),
  employees: z.array(Employee).optional(),
  appointments: z.array(Appointment).optional(),
  detail: z.string().optional(),
});
export type Result = z.output<typeof Result>;
