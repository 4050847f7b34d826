/** The desk of the staff: starts in the page that services/gateway/pages.ts serves. */
import { render } from 'preact';
import { createDesk } from './kit/desk.ts';
import { html } from './kit/html.ts';
import { Shell } from './kit/shell.ts';

const place = document.getElementById('desk');
if (place !== null) render(html`<${Shell} desk=${createDesk()} />`, place);
