/** A form for one method, made from the JSON Schema of its input; it sends by the ordinary route. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { system } from '../../contracts/system.ts';
import type { RequestError, RouteName } from '../kit/api.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { describeError } from '../kit/pictures.ts';
import { errorOf } from '../kit/resource.ts';
import { Sure } from '../kit/sure.ts';
import { tryWords } from '../words/try.ts';

export type Described = OutputOf<typeof system.describe_method>;
interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}
type Kind = 'text' | 'number' | 'flag' | 'choice' | 'json';
type Outcome = { readonly reply: unknown } | { readonly error: RequestError };
/** The field that holds the whole input of a method that is no object with fields. */
const whole = '';

/** A value that may be null is asked for like one that may not. */
function bare(schema: Schema): Schema {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  return others.length === 1 && others[0] !== undefined ? { ...schema, ...others[0] } : schema;
}
function kindOf(schema: Schema): Kind {
  const { type, enum: choices } = schema;
  if (choices?.every((each) => typeof each === 'string')) return 'choice';
  if (type === 'boolean') return 'flag';
  if (type === 'integer' || type === 'number') return 'number';
  return type === 'string' ? 'text' : 'json';
}
/** Undefined for what is no JSON. */
function parsed(kind: Kind, text: string): unknown {
  if (kind === 'number') return Number(text);
  if (kind === 'flag') return text === 'true';
  if (kind !== 'json') return text;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The form says which field it is.
  }
}

export function Try({ desk, method }: { desk: Desk; method: Described }): VNode {
  const t = desk.words(tryWords);
  const form = useRef<HTMLFormElement>(null);
  const outcome = useSignal<Outcome | null>(null);
  const problem = useSignal('');
  const isBusy = useSignal(false);
  const { route } = method;
  if (route === null || !method.takesJson) return html`<p class="quiet">${t('noForm')}</p>`;
  if (!desk.may(method.method)) return html`<p class="quiet">${t('noRights')}</p>`;
  const schema = method.input as Schema;
  const fields = Object.entries(schema.properties ?? {}).map(([name, given]) => {
    const own = bare(given);
    return { name, schema: own, kind: kindOf(own), isRequired: schema.required?.includes(name) === true && own.default === undefined };
  });
  const isWhole = schema.properties === undefined && schema.type !== 'object';

  /** Null where a field is wrong. */
  function input(): Readonly<Record<string, unknown>> | null {
    problem.value = '';
    if (form.current === null || !form.current.checkValidity()) {
      form.current?.reportValidity();
      problem.value = t('fillIn');
      return null;
    }
    const data = new FormData(form.current);
    const given = (isWhole ? [{ name: whole, kind: 'json' as const }] : fields)
      .map(({ name, kind }) => ({ name, kind, text: String(data.get(name) ?? '') }))
      .filter(({ text }) => text !== '')
      .map(({ name, kind, text }) => [name, parsed(kind, text)] as const);
    const [wrong] = given.find(([, value]) => value === undefined) ?? [];
    if (wrong !== undefined) {
      problem.value = t('badJson', { name: wrong || t('whole') });
      return null;
    }
    return (isWhole ? given[0]?.[1] : Object.fromEntries(given)) as Readonly<Record<string, unknown>>;
  }
  async function send(): Promise<void> {
    const given = input();
    if (given === null || isBusy.value) return;
    isBusy.value = true;
    outcome.value = null;
    try {
      outcome.value = { reply: await desk.api.request(route as RouteName, given) };
      desk.announce(t('done'));
    } catch (thrown) {
      const error = errorOf(thrown);
      outcome.value = { error };
      desk.announce(describeError(desk, error), 'assertive');
    }
    isBusy.value = false;
  }
  const isRead = method.idempotency === 'read';
  return html`<form class="try fields" ref=${form} onSubmit=${(event: SubmitEvent) => {
    event.preventDefault();
    if (isRead) void send();
  }}>
    <p class="quiet">${t('rights')}</p>
    ${isWhole && html`<label>${t('whole')}<textarea name=${whole} required>${''}</textarea></label>`}
    ${!isWhole && fields.length === 0 && html`<p class="quiet">${t('noFields')}</p>`}
    ${fields.map((field) => html`<${Field} key=${field.name} desk=${desk} ...${field} />`)}
    ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    ${
      isRead
        ? html`<button type="submit" class="primary" disabled=${isBusy.value}>${t('send')}</button>`
        : html`<${Sure} desk=${desk} label=${t('send')} warning=${t(method.reachesCustomer ? 'warnCustomer' : 'warn')} run=${send} />`
    }
  </form>
  <${Answer} desk=${desk} outcome=${outcome.value} />`;
}

function Field(props: { desk: Desk; name: string; schema: Schema; kind: Kind; isRequired: boolean }): VNode {
  const { desk, name, schema, kind, isRequired } = props;
  const t = desk.words(tryWords);
  const { default: fallback, examples, description, minimum, maximum, maxLength } = schema;
  const hint = fallback ?? examples?.[0];
  const placeholder = hint === undefined ? '' : typeof hint === 'string' ? hint : JSON.stringify(hint);
  const choices = kind === 'flag' ? ['true', 'false'] : (schema.enum ?? []);
  const shared = { name, required: isRequired };
  const control = {
    text: () =>
      html`<input ...${shared} type="text" maxlength=${maxLength} placeholder=${placeholder} spellcheck=${false} autocomplete="off" />`,
    number: () => html`<input ...${shared} type="number" step="any" min=${minimum} max=${maximum} placeholder=${placeholder} />`,
    json: () => html`<textarea ...${shared} placeholder=${placeholder} spellcheck=${false}></textarea>`,
    flag: () => choice(),
    choice: () => choice(),
  }[kind];
  function choice(): VNode {
    return html`<select ...${shared}><option value="">${hint === undefined ? t('notSet') : String(hint)}</option>
      ${choices.map((each) => html`<option key=${String(each)} value=${String(each)}>${String(each)}</option>`)}</select>`;
  }
  return html`<label><span><code>${name}</code>${kind === 'json' && html` <span class="quiet">${t('json')}</span>`}${
    isRequired && html` <span class="quiet">${t('required')}</span>`
  }</span>
    ${control()}${description && html`<span class="quiet" lang="en">${description}</span>`}</label>`;
}

function Answer({ desk, outcome }: { desk: Desk; outcome: Outcome | null }): VNode | null {
  const t = desk.words(tryWords);
  if (outcome === null) return null;
  if ('reply' in outcome)
    return html`<section aria-label=${t('reply')} data-outcome="reply"><h4>✓ ${t('reply')}</h4><pre class="text" tabindex="0">${JSON.stringify(outcome.reply, null, 2)}</pre></section>`;
  const { error } = outcome;
  return html`<section aria-label=${t('refusal')} data-outcome="refusal" class="problem"><h4>✕ ${t('refusal')}: ${error.status} ${error.reason ?? error.code}</h4>
    <p>${describeError(desk, error)}</p><p lang="en">${error.message}</p>
    ${error.data !== undefined && html`<pre class="text" tabindex="0">${JSON.stringify(error.data, null, 2)}</pre>`}</section>`;
}
