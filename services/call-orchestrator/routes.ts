/** Routes of inbound calls by the called number. */
import { Callee } from '../../contracts/common.ts';

export type Route =
  /** A line script speaks with the caller, or the agent: the dialog with an ear and a voice, or a speech model. */
  | { readonly kind: 'script' | 'dialog' | 'realtime' }
  /** The caller is connected with the first of these people who takes the call; they are asked in turn, `rounds` times. */
  | { readonly kind: 'people'; readonly people: readonly string[]; readonly rounds: number };
/** How often the people of a queue are asked, which takes several minutes in all. */
const queueRounds = 10;
/** By number; `*` for any other. */
export type Routes = ReadonlyMap<string, Route>;

/**
 * @param written `+74951234567=script, 200=dialog, 100=person:+79995550000, *=queue:+79995550001/sip:anna@10.0.0.5`; null if it is
 * malformed.
 */
export function parseRoutes(written: string): Routes | null {
  const routes = new Map<string, Route>();
  for (const each of written.split(/[\s,]+/).filter((entry) => entry !== '')) {
    const [, number = '', kind = '', to] = /^([+\w.*-]{1,64})=(script|dialog|realtime|person|queue)(?::(.+))?$/.exec(each) ?? [];
    const people = (to?.split('/') ?? []).map((callee) => Callee.safeParse(callee).data);
    if (number === '' || routes.has(number) || people.includes(undefined)) return null;
    const isSpoken = kind === 'script' || kind === 'dialog' || kind === 'realtime';
    if (isSpoken ? to !== undefined : kind === 'person' ? people.length !== 1 : people.length === 0) return null;
    routes.set(number, isSpoken ? { kind } : { kind: 'people', people: people as string[], rounds: kind === 'queue' ? queueRounds : 1 });
  }
  return routes;
}
/** @param written callees, separated by `/`; null if one of them is invalid */
export function calleesOf(written: string): readonly string[] | null {
  const people = written.split('/').filter((each) => each.trim() !== '');
  const callees = people.map((each) => Callee.safeParse(each.trim()).data);
  return callees.includes(undefined) ? null : (callees as string[]);
}
/** The route of a number, which networks send with or without `+`. */
export function routeOfLine(routes: Routes, number: string): Route | undefined {
  return routes.get(number) ?? routes.get(`+${number}`) ?? routes.get(number.replace(/^\+/, '')) ?? routes.get('*');
}
