/**
 * The mapping file: which entities and attributes of a 1C configuration hold contacts, leads and other records. Every configuration
 * names them in its own way. A section that is left out makes its methods unsupported.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const Attribute = z
  .string()
  .max(100)
  .regex(/^[\p{L}_][\p{L}\p{N}_]*$/u, 'the name of an attribute, e.g. Description');
const Entity = z
  .string()
  .max(200)
  .regex(/^(Catalog|Document|Task|BusinessProcess)_[\p{L}\p{N}_]+$/u, 'an OData resource, e.g. Catalog_Партнеры');
/** A record with this value of an attribute; its key is written. Predefined elements have another key in every database. */
const KeyOf = z.strictObject({ entity: Entity, attribute: Attribute, equals: z.string().max(200) });
const Value = z.union(
  [z.string().max(500), z.number(), z.boolean(), KeyOf],
  'a text, a number, true, false, or { entity, attribute, equals }',
);
const Constants = z.record(Attribute, Value).default({});
/** Rows of a list are kept only with these values. */
const Where = z.record(Attribute, z.union([z.string().max(500), z.boolean()])).default({});

/** `line`: a line at the end of the text; `value`: the attribute holds nothing else. */
const Reference = z.strictObject({ attribute: Attribute, as: z.enum(['line', 'value']) });
const Record = z.strictObject({
  entity: Entity,
  reference: Reference.describe('Where the reference of this system is stored; 1C has no idempotency keys.'),
  constants: Constants.describe('Attributes of every new record.'),
  createdAt: Attribute.optional().describe('The time of writing.'),
});
/** Rows of a tabular part, of one kind. */
const Rows = z.strictObject({
  table: Attribute,
  text: Attribute.describe('As people write it.'),
  bare: Attribute.optional().describe('Digits of a phone, or the address only.'),
  where: Where.describe('What tells these rows from others of the part; new rows get it too.'),
  constants: Constants,
});
const Name = z.union(
  [
    z.strictObject({ whole: Attribute, order: z.enum(['first_last', 'last_first']).default('last_first') }),
    z.strictObject({ first: Attribute, last: Attribute }),
  ],
  '{ whole, order } or { first, last }',
);
const About = z.union(
  [
    z.strictObject({ composite: Attribute }),
    z.strictObject({ contact: Attribute.optional(), lead: Attribute.optional(), deal: Attribute.optional() }),
  ],
  '{ composite } or attributes of { contact, lead, deal }',
);
const statusValue = z.union([z.string().max(100), z.boolean()]);
const List = z.strictObject({ entity: Entity, name: Attribute, where: Where });

export const Mapping = z.strictObject({
  contacts: Record.extend({ name: Name, phones: Rows, emails: Rows.optional() }),
  leads: Record.extend({
    title: Attribute,
    contact: Attribute.describe('Reference to the contact, ends in _Key.'),
    status: z
      .strictObject({
        attribute: Attribute,
        new: statusValue,
        in_process: statusValue,
        converted: statusValue,
        dead: statusValue,
      })
      .optional(),
    source: Attribute.optional(),
    comment: Attribute.optional(),
    createdBy: Attribute.optional(),
  }).optional(),
  deals: Record.extend({
    title: Attribute,
    contact: Attribute,
    amount: Attribute,
    currency: z.string().length(3).default('RUB').describe('Of every mapped amount; others are refused.'),
    closeAt: Attribute.optional(),
    stage: Attribute.optional(),
  }).optional(),
  tasks: Record.extend({ subject: Attribute, about: About, text: Attribute.optional(), dueAt: Attribute.optional() }).optional(),
  notes: Record.extend({ text: Attribute, about: About }).optional(),
  calls: Record.extend({
    subject: Attribute.optional(),
    about: About,
    startedAt: Attribute,
    isInbound: Attribute.optional(),
    phone: Attribute.optional(),
    text: Attribute.optional().describe('Outcome and length in words.'),
  }).optional(),
  employees: List.extend({ position: Attribute.optional() }).optional(),
  appointments: Record.extend({
    contact: Attribute,
    employee: Attribute,
    services: Attribute.describe('Text with the ids of the services, separated by commas.'),
    start: Attribute,
    durationMinutes: Attribute,
    status: z.strictObject({ attribute: Attribute, booked: statusValue, cancelled: statusValue }),
    comment: Attribute.optional(),
  }).optional(),
});
export type Mapping = z.output<typeof Mapping>;
export type MappedRecord = z.output<typeof Record>;
export type MappedRows = z.output<typeof Rows>;
export type MappedAbout = z.output<typeof About>;
export type MappedValue = z.output<typeof Value>;

/** The mapping of Trade Management 11 and of configurations built on the same library. */
export const standardMapping = new URL('trade-management.json', import.meta.url);
export function readStandardMapping(): Mapping {
  return Mapping.parse(JSON.parse(readFileSync(standardMapping, 'utf8')));
}
