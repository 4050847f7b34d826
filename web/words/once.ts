import type { Words } from '../kit/words.ts';

export const onceWords = {
  once: ['Показывается один раз: на сервере этого нет.', 'Shown once: the server does not have it.'],
  copy: ['Скопировать', 'Copy'],
  copied: ['Скопировано.', 'Copied.'],
  notCopied: ['Браузер не дал скопировать. Нажмите Ctrl+C.', 'The browser did not allow copying. Press Ctrl+C.'],
  dismiss: ['Готово, скрыть', 'Done, hide it'],
} as const satisfies Words;
