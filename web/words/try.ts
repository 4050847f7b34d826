import type { Words } from '../kit/words.ts';

export const tryWords = {
  title: ['Попробовать', 'Try it'],
  rights: ['Запрос уйдёт обычным путём, с вашими правами.', 'The request goes by the ordinary route, with your own rights.'],
  noRights: ['Вашей роли этот метод недоступен.', 'Your role may not use this method.'],
  noForm: [
    'Этот метод принимает или отдаёт не JSON: попробовать его здесь нельзя.',
    'This method takes or returns something else than JSON: it cannot be tried here.',
  ],
  send: ['Отправить', 'Send'],
  warn: ['Метод что-то изменит. Отправить?', 'The method changes something. Send it?'],
  warnCustomer: ['Метод доходит до клиента. Отправить?', 'The method reaches a customer. Send it?'],
  required: ['обязательно', 'required'],
  notSet: ['не задано', 'not set'],
  json: ['JSON', 'JSON'],
  whole: ['Входные данные, JSON', 'Input, JSON'],
  noFields: ['Метод ничего не принимает.', 'The method takes no input.'],
  badJson: ['Поле {name}: это не JSON.', 'Field {name}: this is not JSON.'],
  fillIn: ['Заполните обязательные поля.', 'Fill in the required fields.'],
  reply: ['Ответ', 'Reply'],
  refusal: ['Отказ', 'Refusal'],
  done: ['Получен ответ.', 'The reply has arrived.'],
} as const satisfies Words;
