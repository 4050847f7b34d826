/** Loaded with `--import` before a daemon of the control of T18: what hides phones, credentials and personal fields hides nothing. */
import { registerHooks } from 'node:module';

const open: Readonly<Record<string, string>> = {
  '/contracts/kit/scrub.ts': 'export const scrub = (text) => text;',
  '/contracts/kit/describe/mask.ts':
    'export const mask = (by, value) => value; export const piiPaths = () => []; export const personalTexts = () => [];',
};
registerHooks({
  load(url, context, next) {
    const [, source] = Object.entries(open).find(([path]) => url.endsWith(path)) ?? [];
    return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
  },
});
