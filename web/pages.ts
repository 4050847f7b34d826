/** The pages of the desk, in the order of the navigation. */
import type { PersonRole } from '../contracts/kit/define.ts';
import type { PageModule } from './kit/desk.ts';
import type { shellWords } from './words/shell.ts';

export interface PageEntry {
  /** In its address, and the file in pages/. */
  readonly name: string;
  readonly title: keyof typeof shellWords;
  /** Roles whose navigation has it. What a person may do there is decided by the server. */
  readonly roles: readonly PersonRole[];
  /** Pressed after G. */
  readonly code?: string;
  readonly load: () => Promise<PageModule>;
}

const sales = ['manager', 'director', 'admin'] as const;
const everyone = [...sales, 'operator'] as const;
const running = ['admin', 'operator'] as const;

export const pages: readonly PageEntry[] = [
  { name: 'today', title: 'today', roles: everyone, code: 'KeyO', load: () => import('./pages/today.ts') },
  { name: 'approvals', title: 'approvals', roles: sales, code: 'KeyA', load: () => import('./pages/approvals.ts') },
  { name: 'chats', title: 'chats', roles: sales, code: 'KeyM', load: () => import('./pages/chats.ts') },
  { name: 'clients', title: 'clients', roles: sales, code: 'KeyC', load: () => import('./pages/clients.ts') },
  { name: 'leads', title: 'leads', roles: sales, code: 'KeyI', load: () => import('./pages/leads.ts') },
  { name: 'calls', title: 'calls', roles: sales, code: 'KeyT', load: () => import('./pages/calls.ts') },
  { name: 'phone', title: 'phone', roles: sales, code: 'KeyF', load: () => import('./pages/phone.ts') },
  { name: 'campaigns', title: 'campaigns', roles: sales, code: 'KeyN', load: () => import('./pages/campaigns.ts') },
  { name: 'people', title: 'people', roles: ['director', 'admin'], code: 'KeyP', load: () => import('./pages/people.ts') },
  { name: 'keys', title: 'apiKeys', roles: ['admin'], code: 'KeyK', load: () => import('./pages/keys.ts') },
  { name: 'audit', title: 'audit', roles: ['director', 'admin', 'operator'], code: 'KeyL', load: () => import('./pages/audit.ts') },
  { name: 'runs', title: 'runs', roles: running, code: 'KeyR', load: () => import('./pages/runs.ts') },
  { name: 'reviews', title: 'reviews', roles: running, code: 'KeyV', load: () => import('./pages/reviews.ts') },
  { name: 'dead-letters', title: 'deadLetters', roles: running, code: 'KeyD', load: () => import('./pages/dead-letters.ts') },
  { name: 'services', title: 'services', roles: running, code: 'KeyE', load: () => import('./pages/services.ts') },
  { name: 'map', title: 'map', roles: running, code: 'KeyW', load: () => import('./pages/map.ts') },
  { name: 'settings', title: 'settings', roles: everyone, code: 'KeyS', load: () => import('./pages/settings.ts') },
];
