/** The entities of the fake EspoCRM. */

export type Field =
  | { readonly type: 'varchar' | 'text' | 'datetime' | 'date' | 'amount' | 'currency' | 'phone' | 'email' | 'id' | 'ids' | 'bool' }
  | { readonly type: 'enum'; readonly options: readonly string[] };
export interface Entity {
  readonly fields: Readonly<Record<string, Field>>;
  readonly required: readonly string[];
  /** A person: has phones, and a second one with the same name or e-mail is a duplicate. */
  readonly person: boolean;
  /** Has a `versionNumber`, compared with `X-Version-Number`. */
  readonly versioned: boolean;
}
export const varchar = { type: 'varchar' } as const;
const text = { type: 'text' } as const;
const datetime = { type: 'datetime' } as const;
const id = { type: 'id' } as const;
const oneOf = (...options: string[]) => ({ type: 'enum', options }) as const;
const person = { firstName: varchar, lastName: varchar, phoneNumber: { type: 'phone' }, emailAddress: { type: 'email' } } as const;
const parent = { parentType: oneOf('Account', 'Contact', 'Lead', 'Opportunity', 'Case'), parentId: id } as const;
const common = { description: text, assignedUserId: id } as const;
const held = oneOf('Planned', 'Held', 'Not Held');

export const entities: Readonly<Record<string, Entity>> = {
  Contact: { fields: { ...person, ...common, accountId: id }, required: [], person: true, versioned: false },
  Lead: {
    fields: {
      ...person,
      ...common,
      status: oneOf('New', 'Assigned', 'In Process', 'Converted', 'Recycled', 'Dead'),
      source: oneOf('', 'Call', 'Email', 'Existing Customer', 'Partner', 'Public Relations', 'Web Site', 'Campaign', 'Other'),
    },
    required: [],
    person: true,
    versioned: false,
  },
  Opportunity: {
    fields: {
      ...common,
      name: varchar,
      amount: { type: 'amount' },
      amountCurrency: { type: 'currency' },
      closeDate: { type: 'date' },
      stage: oneOf('Prospecting', 'Qualification', 'Proposal', 'Negotiation', 'Closed Won', 'Closed Lost'),
      contactsIds: { type: 'ids' },
      accountId: id,
    },
    required: ['name', 'amount', 'closeDate'],
    person: false,
    versioned: true,
  },
  Task: {
    fields: {
      ...common,
      ...parent,
      name: varchar,
      status: oneOf('Not Started', 'Started', 'Completed', 'Canceled', 'Deferred'),
      dateStart: datetime,
      dateEnd: datetime,
    },
    required: ['name', 'assignedUserId'],
    person: false,
    versioned: true,
  },
  Call: {
    fields: {
      ...common,
      ...parent,
      name: varchar,
      status: held,
      direction: oneOf('Outbound', 'Inbound'),
      dateStart: datetime,
      dateEnd: datetime,
      contactsIds: { type: 'ids' },
    },
    required: ['name', 'dateStart', 'assignedUserId'],
    person: false,
    versioned: false,
  },
  Meeting: {
    fields: {
      ...common,
      ...parent,
      name: varchar,
      status: held,
      dateStart: datetime,
      dateEnd: datetime,
      contactsIds: { type: 'ids' },
      usersIds: { type: 'ids' },
    },
    required: ['name', 'dateStart', 'dateEnd', 'assignedUserId'],
    person: false,
    versioned: false,
  },
  User: {
    fields: { userName: varchar, name: varchar, title: varchar, type: oneOf('regular', 'admin', 'api'), isActive: { type: 'bool' } },
    required: ['userName'],
    person: false,
    versioned: false,
  },
  Note: { fields: { ...parent, type: oneOf('Post'), post: text }, required: [], person: false, versioned: false },
};
export const defaults: Readonly<Record<string, object>> = {
  Meeting: { status: 'Planned' },
  Lead: { status: 'New', source: '' },
  Opportunity: { stage: 'Prospecting' },
};
