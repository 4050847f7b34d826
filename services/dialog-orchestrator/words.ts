/** Everything that the agent itself writes or says to a customer, in both languages. A model writes only what stands between these. */
import type { Language, Session } from './rows/sessions.ts';

export interface Words {
  readonly confirm: string;
  readonly decline: string;
  /** Declines a cancellation: `Отменить` under it would mean either. */
  readonly keep: string;
  readonly more: string;
  readonly proposal: (of: ProposalWords) => string;
  readonly receipt: (of: ProposalWords) => string;
  readonly checking: string;
  readonly declined: string;
  readonly goneButton: string;
  readonly goneProposal: string;
  readonly busy: string;
  readonly busyNone: string;
  readonly failed: string;
  readonly handedOver: string;
  readonly handedOverClosed: (opens: string) => string;
  readonly plain: string;
  readonly slots: string;
  readonly budget: string;
  readonly provePhone: string;
  readonly sharePhone: string;
  readonly cannotListen: string;
  readonly cannotSee: string;
  readonly cannotProve: string;
  readonly callRequested: string;
  readonly noted: string;
}
export interface ProposalWords {
  readonly what: 'create' | 'move' | 'cancel';
  readonly services: readonly string[];
  readonly employee: string | null;
  /** «вторник, 1 декабря, 18:30» */
  readonly when: string;
  readonly from: string | null;
  readonly price: string | null;
  readonly name: string | null;
  readonly phone: string | null;
}
const lines = (...all: readonly (string | null | false)[]): string => all.filter((line) => line).join('\n');

export const words: Readonly<Record<Language, Words>> = {
  ru: {
    confirm: 'Подтвердить',
    decline: 'Отменить',
    keep: 'Не отменять',
    more: 'Ещё',
    proposal: ({ what, services, employee, when, from, price, name, phone }) =>
      lines(
        { create: 'Записываю так:', move: 'Переношу так:', cancel: 'Отменяю запись:' }[what],
        services.join(', '),
        employee && `Мастер: ${employee}`,
        from && `Было: ${from}`,
        from ? `Будет: ${when}` : when,
        price && what !== 'cancel' && `Стоимость: ${price}`,
        name && `На имя: ${name}`,
        phone && `Телефон: ${phone}`,
        'Верно?',
      ),
    receipt: ({ what, services, employee, when }) =>
      lines(
        { create: 'Готово, вы записаны.', move: 'Готово, запись перенесена.', cancel: 'Запись отменена.' }[what],
        services.join(', '),
        employee && what !== 'cancel' && `Мастер: ${employee}`,
        when,
        what === 'cancel' ? null : 'Ждём вас!',
      ),
    checking: 'Система записи ещё не ответила. Проверяем и напишем сюда, как только узнаем.',
    declined: 'Хорошо, ничего не меняю. Что сделаем вместо этого?',
    goneButton: 'Эта кнопка уже не действует.',
    goneProposal: 'Это предложение уже не действует.',
    busy: 'Это время только что заняли. Свободно вот что:',
    busyNone: 'Это время только что заняли. Назовите другой день, и я посмотрю.',
    failed: 'Не получилось: система записи отказала. Передаю вопрос сотруднику.',
    handedOver: 'Передаю разговор сотруднику. Он ответит вам здесь.',
    handedOverClosed: (opens) => `Передаю разговор сотруднику. Сейчас мы закрыты; он ответит вам здесь ${opens}.`,
    plain: 'Скажите, пожалуйста, какая услуга нужна и на какой день? Посмотрю свободное время.',
    slots: 'Есть такое время:',
    budget: 'На сегодня записей через чат достаточно. Передаю разговор сотруднику.',
    provePhone:
      'Чтобы показать или изменить запись, мне нужно убедиться, что номер ваш. Нажмите кнопку ниже, чтобы поделиться своим контактом.',
    sharePhone: 'Поделиться номером',
    cannotListen: 'Не могу прослушать голосовое сообщение. Напишите, пожалуйста, текстом.',
    cannotSee: 'Я читаю только текст: картинки, стикеры и файлы посмотрит сотрудник. Напишите, пожалуйста, словами, что нужно.',
    cannotProve: 'Показать или изменить запись я здесь не могу: номер в этом разговоре не подтвердить. Могу позвать сотрудника.',
    callRequested: 'Заявку на звонок передаю сотруднику: перезвонят после его подтверждения.',
    noted: 'Записала вашу просьбу для сотрудников.',
  },
  en: {
    confirm: 'Confirm',
    decline: 'Cancel',
    keep: 'Keep it',
    more: 'More',
    proposal: ({ what, services, employee, when, from, price, name, phone }) =>
      lines(
        { create: 'Shall I book this?', move: 'Shall I move it like this?', cancel: 'Shall I cancel this appointment?' }[what],
        services.join(', '),
        employee && `With: ${employee}`,
        from && `Was: ${from}`,
        from ? `New: ${when}` : when,
        price && what !== 'cancel' && `Price: ${price}`,
        name && `Name: ${name}`,
        phone && `Phone: ${phone}`,
      ),
    receipt: ({ what, services, employee, when }) =>
      lines(
        { create: 'Done, you are booked.', move: 'Done, the appointment was moved.', cancel: 'The appointment is cancelled.' }[what],
        services.join(', '),
        employee && what !== 'cancel' && `With: ${employee}`,
        when,
        what === 'cancel' ? null : 'See you then!',
      ),
    checking: 'The booking system has not answered yet. We are checking and will write here as soon as we know.',
    declined: 'All right, nothing changes. What shall we do instead?',
    goneButton: 'This button is no longer valid.',
    goneProposal: 'This proposal is no longer valid.',
    busy: 'Somebody has just taken this time. These are free:',
    busyNone: 'Somebody has just taken this time. Name another day, and I will look.',
    failed: 'That did not work: the booking system refused. I am passing this on to a colleague.',
    handedOver: 'I am passing you on to a colleague, who will reply here.',
    handedOverClosed: (opens) => `I am passing you on to a colleague. We are closed now; they will reply here ${opens}.`,
    plain: 'Which service would you like, and on which day? I will look for a free time.',
    slots: 'These times are free:',
    budget: 'That is enough bookings by chat for today. I am passing you on to a colleague.',
    provePhone: 'To show or change an appointment I need to know that the number is yours. Tap the button below to share your own contact.',
    sharePhone: 'Share my number',
    cannotListen: 'I cannot listen to voice messages. Please write.',
    cannotSee: 'I read text only; a colleague will look at pictures, stickers and files. Please write what you need.',
    cannotProve: 'I cannot show or change appointments here, since this conversation cannot prove a number. I can call a colleague.',
    callRequested: 'I am passing your request for a call on to a colleague; they will call once it is approved.',
    noted: 'I noted your request for my colleagues.',
  },
};

/** Texts for calls, where nothing can be read later. */
const spoken: Readonly<Record<Language, Partial<Words>>> = {
  ru: {
    checking: 'Система записи ещё не ответила. Мы проверим и перезвоним вам.',
    handedOver: 'Соединяю вас с сотрудником.',
    handedOverClosed: (opens) => `Сейчас мы закрыты. Сотрудник перезвонит вам ${opens}.`,
    goneButton: 'Этот вариант уже не действует.',
    budget: 'На сегодня записей по телефону достаточно. Соединяю вас с сотрудником.',
    cannotProve: 'По телефону назвать или изменить запись я не могу. Могу соединить вас с сотрудником.',
  },
  en: {
    checking: 'The booking system has not answered yet. We will check and call you back.',
    handedOver: 'I am putting you through to a colleague.',
    handedOverClosed: (opens) => `We are closed now. A colleague will call you back ${opens}.`,
    goneButton: 'This option is no longer valid.',
    budget: 'That is enough bookings by phone for today. I am putting you through to a colleague.',
    cannotProve: 'I cannot tell or change appointments by phone. I can put you through to a colleague.',
  },
};
export const wordsFor = ({ language, isSpoken = false }: Pick<Session, 'language' | 'isSpoken'>): Words =>
  isSpoken ? { ...words[language], ...spoken[language] } : words[language];

/** Replies to parts of a phone that a caller dictates. */
export interface DictationWords {
  readonly goOn: string;
  readonly dictate: string;
  readonly tooManyDigits: string;
}
export const dictationWords: Readonly<Record<Language, DictationWords>> = {
  ru: {
    goOn: 'Слушаю дальше.',
    dictate: 'Диктуйте номер.',
    tooManyDigits: 'Цифр получилось больше, чем в номере. Продиктуйте его, пожалуйста, ещё раз.',
  },
  en: {
    goOn: 'Go on, please.',
    dictate: 'Please tell me the number.',
    tooManyDigits: 'Those are more digits than a phone number has. Please say it again.',
  },
};
