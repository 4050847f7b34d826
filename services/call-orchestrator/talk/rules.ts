/** The time limits and the own words of a talk. */

export interface TalkRules {
  /** Said first; a notice of recording belongs here. It cannot be interrupted. */
  readonly greeting: string;
  /** Said when the customer's words were not understood. */
  readonly askAgain: string;
  /** Said while an answer takes long, at most once a turn. */
  readonly filler: string;
  /** Said before the first options of an answer, which a chat shows as buttons. */
  readonly youMaySay: string;
  /** Said when the customer says nothing. */
  readonly areYouThere: string;
  /** Said before the line hangs up: nothing was heard, the talk has lasted too long, no answer can be had. */
  readonly nobodyHeard: string;
  readonly tooLong: string;
  readonly trouble: string;
  /** Said when the dialog has no words, and instead of the rest of an answer that does not end. */
  readonly noAnswer: string;
  readonly andMore: string;
  /** Said when no person can take the call, and after the words that are left for one. */
  readonly leaveMessage: string;
  readonly messageTaken: string;
  /** Said to a program that asks for the reason of the call. */
  readonly reason: string;
  /** Left in a mailbox after its beep. */
  readonly mailbox: string;
  /** How long a person who was called may take for a first word before the greeting. */
  readonly firstWordMs: number;
  /** How long the beep of a mailbox is waited for. */
  readonly beepMs: number;
  /** Silence that ends a turn; the second while a number, a name or an address is told, and after words that end no sentence. */
  readonly silenceMs: number;
  /** The silence becomes longer for a customer whose pauses are. */
  readonly learnsSilence: boolean;
  readonly dictationMs: number;
  /** How long after the last sound the recogniser may take for its last words. */
  readonly finalMs: number;
  /** How long it may stay open whether the customer interrupts, counted from their last sound. */
  readonly decideMs: number;
  /** The dialog is asked as soon as the words are known, although the customer may go on; what they go on with discards its answer. */
  readonly asksEagerly: boolean;
  readonly fillerMs: number;
  /** How long the dialog may take for its first sentence, and for each other. */
  readonly answerMs: number;
  /** How long the voice may give no audio. */
  readonly voiceMs: number;
  /** How many letters of an answer are said. */
  readonly longestAnswer: number;
  /** After so long a customer who does not stop is answered. */
  readonly longestTurnMs: number;
  /** Silence on both sides before the customer is asked whether they are there; how often they are asked. */
  readonly idleMs: number;
  readonly idlePrompts: number;
  /** How often in a row words that were not understood are asked for again. */
  readonly askAgainTimes: number;
  /** Shorter sounds without words are not asked about. */
  readonly shortestMs: number;
  readonly maxMs: number;
}
export const russianRules: TalkRules = {
  greeting: 'Здравствуйте! Разговор записывается. Чем могу помочь?',
  askAgain: 'Простите, не расслышала. Повторите, пожалуйста.',
  filler: 'Секунду, пожалуйста.',
  youMaySay: 'Можно сказать:',
  areYouThere: 'Вы ещё на линии?',
  nobodyHeard: 'К сожалению, я вас не слышу. Мы перезвоним. До свидания.',
  tooLong: 'К сожалению, время разговора вышло. Мы вам перезвоним. До свидания.',
  trouble: 'К сожалению, сейчас я не могу ответить. Мы вам перезвоним. До свидания.',
  noAnswer: 'Простите, на это я ответить не могу. Спросите, пожалуйста, иначе.',
  andMore: 'Об остальном расскажу, если спросите.',
  leaveMessage: 'К сожалению, сейчас никто не может ответить. Скажите, пожалуйста, что передать, и мы перезвоним.',
  messageTaken: 'Спасибо, я всё передам. До свидания.',
  reason: 'Здравствуйте! Мы звоним по заявке, которую вы оставили. Соедините, пожалуйста.',
  mailbox: 'Здравствуйте! Мы звонили вам по вашей заявке. Мы перезвоним позже. До свидания.',
  firstWordMs: 1_200,
  beepMs: 20_000,
  silenceMs: 500,
  learnsSilence: true,
  dictationMs: 1_400,
  finalMs: 1_500,
  decideMs: 1_000,
  asksEagerly: false,
  fillerMs: 700,
  answerMs: 30_000,
  voiceMs: 8_000,
  longestAnswer: 2_000,
  longestTurnMs: 60_000,
  idleMs: 8_000,
  idlePrompts: 2,
  askAgainTimes: 2,
  shortestMs: 400,
  maxMs: 600_000,
};
