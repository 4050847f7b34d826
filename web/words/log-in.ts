import type { Words } from '../kit/words.ts';

/** Logging in through the identity provider; refusals by their reasons. */
export const logInWords = {
  enterThrough: ['Войти через {name}', 'Log in through {name}'],
  login_taken: [
    'Имя для входа {login} здесь уже у другого человека. Если это вы, попросите администратора связать: polyb people link {login} identity:{identity}',
    'Another person here has the login {login}. If it is you, ask an admin to link: polyb people link {login} identity:{identity}',
  ],
  log_in_lost: [
    'Вход не завершён: он начат в другом браузере, занял больше 10 минут или уже использован. Начните ещё раз.',
    'The log-in did not end: it was begun in another browser, took more than 10 minutes, or was used already. Begin it again.',
  ],
  provider_away: [
    'Провайдер входа не отвечает. Попробуйте позже или войдите с паролем, если он есть.',
    'The identity provider does not respond. Try again later, or log in with a password if you have one.',
  ],
  provider_reply: [
    'Ответу провайдера входа нельзя доверять. Сообщите администратору: причина в логах шлюза.',
    'The reply of the identity provider cannot be trusted. Tell an admin: the log of the gateway has the cause.',
  ],
  provider_refused: [
    'Провайдер отказал во входе. Доступ даёт его администратор.',
    'The identity provider refused the log-in. Its administrator gives access.',
  ],
  provider_second_factor: [
    'Провайдер не подтвердил второй шаг входа. Настройте его там.',
    'The identity provider did not prove a second factor. Set it up there.',
  ],
  no_role: [
    'У вас нет роли для этой системы. Её даёт администратор провайдера входа.',
    'You have no role in this system. The administrator of the identity provider gives it.',
  ],
  no_login: [
    'Провайдер не назвал подходящего имени для входа. Обратитесь к его администратору.',
    'The identity provider named no login that can be used here. Ask its administrator.',
  ],
  person_disabled: ['Вас отключили. Включить может администратор.', 'You are disabled. An admin can enable you.'],
} as const satisfies Words;
