import htm from 'htm';
import { h, type VNode } from 'preact';

type Template = (strings: TemplateStringsArray, ...values: readonly unknown[]) => VNode;

/** Markup as a template; values are escaped by construction, since they become text nodes and properties. */
// The package declares its default export for CommonJS alone.
export const html: Template = (htm as unknown as { bind(create: typeof h): Template }).bind(h);
