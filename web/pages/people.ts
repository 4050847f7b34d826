/** People who log in: the list, and one of them with their role, links and sessions. */
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { OutputOf, PersonRole } from '../../contracts/kit/define.ts';
import type { people } from '../../contracts/people.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, findIn, type ListOptions } from '../kit/list.ts';
import { Loaded, Picture } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { Sure } from '../kit/sure.ts';
import { Once } from '../parts/once.ts';
import { createSecrets } from '../parts/secrets.ts';
import { type OpenSession, Sessions } from '../parts/sessions.ts';
import { kitWords } from '../words/kit.ts';
import { peopleWords } from '../words/people.ts';
import { shellWords } from '../words/shell.ts';

type Person = OutputOf<typeof people.list_people>['items'][number];
type Invited = OutputOf<typeof people.invite>;

const roles = ['manager', 'director', 'admin', 'operator'] as const satisfies readonly PersonRole[];
export const filters = { role: roles } as const;

export function page(desk: Desk): Page {
  const t = desk.words(peopleWords);
  const role = roles.find((each) => each === desk.router.route.peek().query.role);
  const idOf = ({ personId }: Person): string => personId;
  const read =
    (of: { readonly role?: PersonRole }): ListOptions<Person>['load'] =>
    ({ cursor, limit, signal }) =>
      desk.api.call<typeof people.list_people>('GET /api/v1/people', { cursor, limit, ...of }, { signal });
  const load = read(role === undefined ? {} : { role });
  const list = createList<Person>({ load, idOf }, desk.live);
  const secrets = createSecrets();
  /** The link that was made last, until it is dismissed. */
  const made = signal<{ readonly link: string; readonly person: string; readonly until: string } | null>(null);
  const backHref = hrefOf('people', null, role === undefined ? {} : { role });

  function show({ personId, deskUrl, expiresAt }: Invited, token: string): void {
    made.value = { link: `${deskUrl}/invite#${token}`, person: personId, until: expiresAt };
  }
  const invite = async (fields: FormData): Promise<undefined> => {
    const input = {
      personId: String(fields.get('personId')).trim().toLowerCase(),
      name: String(fields.get('name')).trim(),
      role: String(fields.get('role')) as PersonRole,
    };
    await secrets.use(`invite ${input.personId}`, async (token, tokenHash) =>
      show(await desk.api.call<typeof people.invite>('POST /api/v1/people', { ...input, tokenHash }), token),
    );
    await list.refresh();
  };
  const reset = (personId: string): Promise<Invited> =>
    secrets.use(`reset ${personId}`, async (token, tokenHash) => {
      const invited = await desk.api.call<typeof people.reset>('POST /api/v1/people/{personId}/reset', { personId, tokenHash });
      show(invited, token);
      return invited;
    });

  return { view: View, stop: list.stop };

  function View(): VNode {
    const { id } = desk.router.route.value;
    const link = made.value;
    return html`${
      link !== null &&
      html`<${Once} desk=${desk} secret=${link.link}
        title=${t('inviteLink', { person: link.person, until: desk.format.value.fullTime(link.until) })}
        dismiss=${() => {
          made.value = null;
        }} />`
    }
    ${id === null ? html`<${List} />` : html`<${One} key=${id} personId=${id} />`}`;
  }

  function List(): VNode {
    const roleOf = desk.words(shellWords);
    const yes = desk.words(kitWords);
    const { time } = desk.format.value;
    return html`<h1>${t('title')}</h1>
      ${
        desk.may('people.invite') &&
        html`<details class="fields"><summary>${t('invite')}</summary>
          <${Form} desk=${desk} submit=${t('invite')} run=${invite}>
            <label>${t('login')} <span class="quiet">${t('loginHint')}</span>
              <input name="personId" required maxlength="40" autocomplete="off" autocapitalize="none" spellcheck=${false} /></label>
            <label>${t('name')}<input name="name" required maxlength="100" autocomplete="off" /></label>
            <label>${t('role')}<${RoleChoice} role="manager" /></label>
          <//></details>`
      }
      <div class="bar"><label>${t('role')} <select value=${role ?? ''} onChange=${(event: Event) =>
        desk.router.filter({ role: (event.target as HTMLSelectElement).value || null })}>
        <option value="">${t('anyRole')}</option>
        ${roles.map((each) => html`<option key=${each} value=${each}>${roleOf(`role_${each}`)}</option>`)}
      </select></label></div>
      <${Grid} desk=${desk} name="people" label=${t('title')} list=${list} idOf=${idOf} load=${load}
        open=${({ personId }: Person) => desk.router.go(hrefOf('people', personId, desk.router.route.peek().query))}
        columns=${[
          { name: 'name', title: t('name'), text: (person: Person) => person.name, cell: Name },
          { name: 'login', title: t('login'), text: idOf },
          { name: 'role', title: t('role'), text: (person: Person) => roleOf(`role_${person.role}`) },
          { name: 'state', title: t('state'), text: (person: Person) => t(`state_${person.state}`) },
          { name: 'secondFactor', title: t('secondFactor'), text: (person: Person) => yes(person.hasSecondFactor ? 'yes' : 'no') },
          {
            name: 'lastSeen',
            title: t('lastSeen'),
            text: ({ lastSeenAt }: Person) => (lastSeenAt === null ? t('never') : time(lastSeenAt)),
          },
          { name: 'links', title: t('links'), text: ({ links }: Person) => links.map(({ kind, value }) => `${kind} ${value}`).join(', ') },
        ]} />`;
  }
  function Name({ personId, name }: Person): VNode {
    return html`<a href=${hrefOf('people', personId, desk.router.route.peek().query)} tabindex="-1">${name}</a>`;
  }
  function RoleChoice({ role: chosen }: { role: PersonRole }): VNode {
    return html`<select name="role">${roles.map(
      (each) => html`<option key=${each} value=${each} selected=${each === chosen}>${desk.words(shellWords)(`role_${each}`)}</option>`,
    )}</select>`;
  }

  function One({ personId }: { personId: string }): VNode {
    const kit = desk.words(kitWords);
    const person = useResource((signal) => findIn(read({}), (each) => each.personId === personId, signal));
    useKeys(
      desk.keys,
      [{ name: 'back', code: 'Escape', label: kit('back'), run: () => desk.router.go(backHref) }],
      [desk.settings.language.value],
    );
    const changed = (next: Person): void => {
      person.set(next);
      void list.refresh();
    };
    return html`<p><a href=${backHref}>← ${kit('back')}</a></p>
      <${Loaded} desk=${desk} of=${person}>${(found: Person | null) =>
        found === null
          ? html`<h1>${t('title')}</h1><${Picture} kind="refused" title=${t('noPerson')} />`
          : html`<${Details} person=${found} changed=${changed} />`}<//>`;
  }

  function Details({ person, changed }: { person: Person; changed: (next: Person) => void }): VNode {
    const { personId } = person;
    const { fullTime } = desk.format.value;
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), []);
    const act = async (done: Promise<Person>, text: string): Promise<undefined> => {
      changed(await done);
      desk.notify({ kind: 'done', text });
      desk.announce(text);
    };
    const loadSessions = async (signal: AbortSignal): Promise<readonly OpenSession[]> =>
      (await desk.api.call<typeof people.list_sessions>('GET /api/v1/people/sessions', { personId, limit: 200 }, { signal })).items;
    const endSession = (sessionId: string): Promise<unknown> =>
      desk.api.call<typeof people.end_session>('POST /api/v1/people/sessions/{sessionId}/end', { sessionId });
    return html`<div class="fields">
      <h1 tabindex="-1" ref=${heading}><bdi>${person.name}</bdi></h1>
      <dl>
        <dt>${t('login')}</dt><dd>${personId}</dd>
        <dt>${t('role')}</dt><dd>${desk.words(shellWords)(`role_${person.role}`)}</dd>
        <dt>${t('state')}</dt><dd class="state">${t(`state_${person.state}`)}</dd>
        <dt>${t('secondFactor')}</dt><dd>${desk.words(kitWords)(person.hasSecondFactor ? 'yes' : 'no')}</dd>
        <dt>${t('createdAt')}</dt><dd>${fullTime(person.createdAt)}</dd>
        <dt>${t('lastSeen')}</dt><dd>${person.lastSeenAt === null ? t('never') : fullTime(person.lastSeenAt)}</dd>
      </dl>
      ${
        desk.may('people.set_role') &&
        html`<${Form} desk=${desk} submit=${t('setRole')} run=${(fields: FormData) =>
          act(
            desk.api.call<typeof people.set_role>('POST /api/v1/people/{personId}/role', {
              personId,
              role: String(fields.get('role')) as PersonRole,
            }),
            t('roleSet'),
          )}>
          <label>${t('role')}<${RoleChoice} role=${person.role} /></label><p class="quiet">${t('setRoleText')}</p>
        <//>`
      }
      <div class="bar">
        ${
          desk.may('people.disable') &&
          person.state !== 'disabled' &&
          html`<${Sure} key="disable" desk=${desk} label=${t('disable')} warning=${t('disableText')} run=${() =>
            act(desk.api.call<typeof people.disable>('POST /api/v1/people/{personId}/disable', { personId }), t('disabled'))} />`
        }
        ${
          desk.may('people.enable') &&
          person.state === 'disabled' &&
          html`<${Sure} key="enable" desk=${desk} label=${t('enable')} warning=${t('enableText')} run=${() =>
            act(desk.api.call<typeof people.enable>('POST /api/v1/people/{personId}/enable', { personId }), t('enabled'))} />`
        }
        ${
          desk.may('people.reset') &&
          html`<${Sure} key="reset" desk=${desk} label=${t('reset')} warning=${t('resetText')} run=${async () => changed(await reset(personId))} />`
        }
      </div>
      <section><h2>${t('links')}</h2>
        <p class="quiet">${t('linksText')}</p>
        ${
          person.links.length === 0
            ? html`<p>${t('noLinks')}</p>`
            : html`<ul class="cards">${person.links.map(
                ({ kind, value }) => html`<li key=${`${kind} ${value}`}><p><bdi>${kind}</bdi> <strong><bdi>${value}</bdi></strong></p>
                  ${
                    desk.may('people.unlink') &&
                    html`<${Sure} desk=${desk} label=${t('unlink')} warning=${t('unlinkText', { kind, value })} run=${() =>
                      act(
                        desk.api.call<typeof people.unlink>('POST /api/v1/people/{personId}/unlink', { personId, kind, value }),
                        t('unlinked'),
                      )} />`
                  }</li>`,
              )}</ul>`
        }
        ${
          desk.may('people.link') &&
          html`<${Form} desk=${desk} submit=${t('link')} run=${(fields: FormData) =>
            act(
              desk.api.call<typeof people.link>('POST /api/v1/people/{personId}/link', {
                personId,
                kind: String(fields.get('kind')).trim(),
                value: String(fields.get('value')).trim(),
              }),
              t('linked'),
            )}>
            <label>${t('linkKind')}<input name="kind" required maxlength="32" autocomplete="off" autocapitalize="none" spellcheck=${false} /></label>
            <label>${t('linkValue')}<input name="value" required maxlength="64" autocomplete="off" autocapitalize="none" spellcheck=${false} /></label>
          <//>`
        }
      </section>
      ${desk.may('people.list_sessions') && html`<${Sessions} key=${`${person.role} ${person.state}`} desk=${desk} load=${loadSessions} end=${endSession} />`}
    </div>`;
  }
}
