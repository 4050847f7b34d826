/** The pages of the desk, in the order of the navigation. */
import type { PageModule } from './kit/desk.ts';
import type { shellWords } from './words/shell.ts';

export interface PageEntry {
  /** In its address, and the file in pages/. */
  readonly name: string;
  readonly title: keyof typeof shellWords;
  /** Shown to those who may call this method. */
  readonly needs: string | null;
  /** Pressed after G. */
  readonly code?: string;
  readonly load: () => Promise<PageModule>;
}

export const pages: readonly PageEntry[] = [
  { name: 'settings', title: 'settings', needs: null, code: 'KeyS', load: () => import('./pages/settings.ts') },
];
