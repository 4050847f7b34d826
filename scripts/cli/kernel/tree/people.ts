/** Commands over the people who log in. */
import type { Command } from '../command.ts';
import { cursor, limit } from './flags.ts';

const load = () => import('../../commands/people.ts');
const person = 'PERSON';
const roles = 'manager, director, admin, operator';

export const peopleCommands: readonly Command[] = [
  {
    name: 'people',
    summary: 'Manage the people who log in at the desk.',
    impact: 'rw',
    commands: [
      {
        name: 'invite',
        summary: 'Add a person, and print a link with which they choose their password.',
        usage: person,
        impact: 'rw',
        details: [
          'PERSON is the name with which they log in. The link is good once, for 48 hours; only a digest of it is sent and stored.',
          'manager: sees their own chats and those of nobody. director: sees all. admin: also manages people, keys and settings.',
          'operator: runs the system, and sees no names, phones and texts until they ask for them, which is audited.',
        ],
        flags: [
          { name: 'role', value: 'ROLE', summary: `Role: ${roles}. Default: manager.` },
          { name: 'name', value: 'NAME', summary: 'Name that others see. Default: PERSON.' },
        ],
        examples: [{ line: 'polyb people invite anna --role manager --name "Анна Петрова"' }],
        seeAlso: ['people ls', 'people reset', 'people permissions'],
        run: async () => (await load()).invitePerson,
      },
      {
        name: 'ls',
        aliases: ['list'],
        summary: 'List people with their roles, links and last visit.',
        impact: 'ro',
        flags: [{ name: 'role', value: 'ROLE', summary: `Only people of this role: ${roles}.` }, limit, cursor],
        examples: [{ line: 'polyb people ls' }],
        run: async () => (await load()).listPeople,
      },
      {
        name: 'role',
        summary: 'Set the role of a person. Their sessions end.',
        usage: `${person} ROLE`,
        impact: 'rw',
        examples: [{ line: 'polyb people role anna director' }],
        run: async () => (await load()).setRole,
      },
      {
        name: 'disable',
        summary: 'Keep a person from logging in, and end their sessions.',
        usage: person,
        impact: 'rw',
        examples: [{ line: 'polyb people disable anna' }],
        seeAlso: ['people enable'],
        run: async () => (await load()).disablePerson,
      },
      {
        name: 'enable',
        summary: 'Let a disabled person log in again.',
        usage: person,
        impact: 'rw',
        examples: [{ line: 'polyb people enable anna' }],
        run: async () => (await load()).enablePerson,
      },
      {
        name: 'reset',
        summary: 'Forget the password and the authenticator app of a person, and print a link for a new password.',
        usage: person,
        impact: 'rw',
        details: ['Their sessions end. The link is good once, for 48 hours.'],
        examples: [{ line: 'polyb people reset anna' }],
        run: async () => (await load()).resetPerson,
      },
      {
        name: 'link',
        summary: 'Link a person to their user in a channel or at the identity provider, or to an API key.',
        usage: `${person} KIND:VALUE`,
        impact: 'rw',
        details: [
          'Where two people must approve, a person and what is linked to them count as one.',
          'KIND is key, or the name of a channel; VALUE is the id of the key, or the user in the channel.',
          'With KIND identity they log in through the identity provider; VALUE is what their refused log-in named, also in the audit.',
        ],
        flags: [{ name: 'remove', summary: 'Remove the link.' }],
        examples: [
          { line: 'polyb people link anna telegram:usr_0mhd2k4a1x9f' },
          { line: 'polyb people link anna key:pk_3f9a1c2b7d40 --remove' },
        ],
        run: async () => (await load()).linkPerson,
      },
      {
        name: 'sessions',
        summary: 'List open sessions.',
        impact: 'ro',
        flags: [
          { name: 'person', value: person, summary: 'Only sessions of this person.' },
          { name: 'all', summary: 'Ended sessions as well.' },
          limit,
          cursor,
        ],
        examples: [{ line: 'polyb people sessions' }],
        seeAlso: ['people end'],
        run: async () => (await load()).listSessions,
      },
      {
        name: 'end',
        summary: 'End a session.',
        usage: 'SESSION',
        impact: 'rw',
        examples: [{ line: 'polyb people end s_3f9a1c2b7d40a1b2' }],
        run: async () => (await load()).endSession,
      },
      {
        name: 'permissions',
        summary: 'Print which roles and scopes may use each route.',
        impact: 'ro',
        details: [
          'narrowed: a manager is shown only their own chats and those of nobody. Roles in brackets see personal data only on request.',
        ],
        examples: [{ line: 'polyb people permissions' }],
        run: async () => (await load()).permissions,
      },
    ],
  },
];
