import type { Words } from '../kit/words.ts';

export const runsWords = {
  title: ['Запуски', 'Runs'],
  empty: ['Таких запусков нет.', 'There are no such runs.'],
  stuck: ['Только застрявшие', 'Stuck only'],
  stuckHelp: ['Застрявшие не обновляются сами.', 'Stuck runs are not updated by themselves.'],
  steps: ['Шаги', 'Steps'],
  noSteps: ['Запуск ещё не дошёл до первого шага.', 'The run has not reached its first step.'],
  took: ['длился {time}', 'took {time}'],
  takes: ['идёт {time}', 'for {time} so far'],
  waterfall: [
    {
      one: 'Время шагов: {n} исполнение, {busy} работы и {idle} пауз. Таблица шагов ниже.',
      few: 'Время шагов: {n} исполнения, {busy} работы и {idle} пауз. Таблица шагов ниже.',
      many: 'Время шагов: {n} исполнений, {busy} работы и {idle} пауз. Таблица шагов ниже.',
      other: 'Время шагов: {n} исполнения, {busy} работы и {idle} пауз. Таблица шагов ниже.',
    },
    {
      one: 'Time of the steps: {n} execution, {busy} of work and {idle} of pauses. The steps are listed below.',
      other: 'Time of the steps: {n} executions, {busy} of work and {idle} of pauses. The steps are listed below.',
    },
  ],
  pause: ['пауза {time}', 'pause of {time}'],
  sequence: ['Последовательность', 'Sequence'],
  sequenceOf: [
    {
      one: 'Кто кого вызывал: {n} строка. Таблица ниже.',
      few: 'Кто кого вызывал: {n} строки. Таблица ниже.',
      many: 'Кто кого вызывал: {n} строк. Таблица ниже.',
      other: 'Кто кого вызывал: {n} строки. Таблица ниже.',
    },
    { one: 'Who called whom: {n} line. A table is below.', other: 'Who called whom: {n} lines. A table is below.' },
  ],
  waitsFor: ['ждёт: {step}', 'waits: {step}'],
  replied: ['ответ: {step}', 'reply: {step}'],
  endedBadly: ['не вышло: {step}', 'failed: {step}'],
  sequenceAt: ['Когда', 'When'],
  sequenceFrom: ['Откуда', 'From'],
  sequenceTo: ['Куда', 'To'],
  sequenceWhat: ['Что', 'What'],
  earlier: [
    { one: '{n} прежнее исполнение', few: '{n} прежних исполнения', many: '{n} прежних исполнений', other: '{n} прежнего исполнения' },
    { one: '{n} earlier execution', other: '{n} earlier executions' },
  ],
  toReview: ['Разобрать', 'Review it'],
  retryRun: ['Повторить запуск', 'Retry the run'],
  retryHelp: [
    'Готовые шаги не повторяются, запуск продолжится с того, на котором остановился.',
    'Steps that are done are not repeated; the run continues from where it stopped.',
  ],
  retryFrom: ['Повторить с шага {step}', 'Retry from {step}'],
  retryFromHelp: [
    'С изменёнными данными шаг и все следующие исполнятся снова. Без изменений запуск просто продолжится. Данные показаны целиком, это записано в журнал действий.',
    'With an edited input the step and all later ones are executed again. Unchanged, the run just continues. The input is shown in full, which the audit records.',
  ],
  editStep: ['Повторить отсюда…', 'Retry from here…'],
  stepInput: ['Входные данные шага, JSON', 'Input of the step, JSON'],
  unchanged: ['Шаг уже выполнен: чтобы повторить его, измените данные.', 'The step is done: edit its input to repeat it.'],
  dismiss: ['Не повторять', 'Do not retry'],
  cancel: ['Отменить запуск', 'Cancel the run'],
  cancelled: [
    'Запуск отменён; сделанное остаётся. Его можно повторить.',
    'The run is cancelled; completed effects remain. It can be retried.',
  ],
} as const satisfies Words;
