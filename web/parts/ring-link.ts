/** A call that rings, on every page but that of the phone, which answers it. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { hrefOf } from '../kit/router.ts';
import { createBell } from '../kit/sound.ts';
import { shellWords } from '../words/shell.ts';

const ringMs = 2_000;

export function RingLink({ desk }: { desk: Desk }): VNode | null {
  const ringing = useSignal<readonly string[]>([]);
  const isShown = ringing.value.length > 0 && desk.router.route.value.page !== 'phone';
  useEffect(
    () =>
      desk.live.on(
        'phone',
        ({ id, legId = id, state, ring }) => {
          const others = ringing.peek().filter((each) => each !== legId);
          ringing.value = state === 'ringing' && typeof ring === 'string' ? [...others, String(legId)] : others;
        },
        { aside: true },
      ),
    [],
  );
  useEffect(() => {
    if (!isShown) return;
    const ring = createBell();
    ring();
    const timer = setInterval(ring, ringMs);
    return () => clearInterval(timer);
  }, [isShown]);
  if (!isShown) return null;
  return html`<p role="alert"><a class="action" href=${hrefOf('phone')}><span class="bell" aria-hidden="true">☎</span> ${desk.words(shellWords)('callRings')}</a></p>`;
}
