/** The time limits and fixed prompts of a talk. */

export interface TalkRules {
  /** Said first; it should announce the recording. It cannot be interrupted. */
  readonly greeting: string;
  /** Said when the customer's words were not understood. */
  readonly askAgain: string;
  /** Said if an answer, or the words of a silent recogniser, take long, at most once per turn. */
  readonly filler: string;
  /** Said before the first options of an answer, which a chat shows as buttons. */
  readonly youMaySay: string;
  /** Said when the customer is silent. */
  readonly areYouThere: string;
  /** Said before the line hangs up because nothing was heard, the talk was too long, or there is no answer. */
  readonly nobodyHeard: string;
  readonly tooLong: string;
  readonly trouble: string;
  /** Said when the dialog returns no words, and in place of the rest of an endless answer. */
  readonly noAnswer: string;
  readonly andMore: string;
  /** Said when nobody can take the call, and after the message left for a person. */
  readonly leaveMessage: string;
  readonly messageTaken: string;
  /** Said to a call screener that asks for the reason of the call. */
  readonly reason: string;
  /** Left in a mailbox after its beep. */
  readonly mailbox: string;
  /** How long to wait for the called person's first word before the greeting. */
  readonly firstWordMs: number;
  /** How long to wait for the beep of a mailbox. */
  readonly beepMs: number;
  /** Silence that ends a turn; the second one applies during dictation of a number, name or address and after an incomplete sentence. */
  readonly silenceMs: number;
  /** Whether the silence grows for a customer with longer pauses. */
  readonly learnsSilence: boolean;
  readonly dictationMs: number;
  /** Time limit of the recogniser for its last words, from the last sound. */
  readonly finalMs: number;
  /** The same for one that has fallen silent or starts over, and the limit for however many that start over. */
  readonly lateMs: number;
  readonly latestMs: number;
  /** How long an interruption may stay undecided, from the customer's last sound. */
  readonly decideMs: number;
  /** Whether the dialog is asked as soon as the words are known, although the customer may go on, which discards its answer. */
  readonly asksEagerly: boolean;
  readonly fillerMs: number;
  /** Time limits of the dialog for its first sentence and for each further one. */
  readonly answerMs: number;
  /** How long the voice may return no audio. */
  readonly voiceMs: number;
  /** Maximum letters of an answer that are spoken. */
  readonly longestAnswer: number;
  /** A customer who speaks for this long is answered over their words. */
  readonly longestTurnMs: number;
  /** Silence on both sides before the customer is asked whether they are there, and how often. */
  readonly idleMs: number;
  readonly idlePrompts: number;
  /** How often in a row the agent asks again for words it did not understand. */
  readonly askAgainTimes: number;
  /** Shorter sounds without words are ignored. */
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
  lateMs: 4_500,
  latestMs: 12_000,
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
