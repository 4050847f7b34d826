/** Messages of a chat, oldest first. */
import type { VNode } from 'preact';
import type { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { threadWords } from '../words/thread.ts';
import { isPerson, personOf } from './actor.ts';
import { channelName } from './channel.ts';

export type Message = OutputOf<typeof inbox.chat_context>['messages'][number];

export const intents = ['question', 'order', 'complaint', 'interest', 'confirmation', 'broadcast', 'none'] as const;
export type Intent = (typeof intents)[number];
interface ThreadProps {
  readonly desk: Desk;
  readonly messages: readonly Message[];
  /** The person says what a message of a customer is about. */
  readonly correct?: (messageId: string, intent: Intent) => void;
}

export function Thread({ desk, messages, correct }: ThreadProps): VNode {
  const t = desk.words(threadWords);
  if (messages.length === 0) return html`<p class="quiet">${t('none')}</p>`;
  return html`<ol class="thread" aria-label=${t('thread')}>
    ${messages.map((message) => html`<${Entry} key=${message.messageId} desk=${desk} message=${message} correct=${correct} />`)}
  </ol>`;
}

/** @param props.hasChannel Names the channel, where messages of several are together. */
export function Entry(props: { desk: Desk; message: Message; correct?: ThreadProps['correct']; hasChannel?: boolean }): VNode {
  const { desk, message, correct, hasChannel = false } = props;
  const t = desk.words(threadWords);
  const format = desk.format.value;
  const { sender, direction, kind, text, isCut, sentAt, editedAt, removedAt, intent, confidence, isUrgent, files, delivery, channel } =
    message;
  const who = direction === 'in' ? (sender?.name ?? t('customer')) : sender?.isBot === false ? sender.name : authorOf(desk, message);
  const approvers = approversOf(message);
  return html`<li class=${`message ${direction} ${removedAt === null ? '' : 'removed'}`}>
    <header>
      <bdi>${who}</bdi>
      ${approvers !== '' && html`<span class="quiet">${t('approvedBy', { who: approvers })}</span>`}
      ${hasChannel && html`<span class="quiet">${channelName(desk, channel)}</span>`}
      <time datetime=${sentAt} title=${format.fullTime(sentAt)}>${format.time(sentAt)}</time>
      ${editedAt !== null && html`<span class="quiet">${t('edited')}</span>`}
      ${direction === 'in' && (correct !== undefined ? html`<${IntentChoice} desk=${desk} message=${message} correct=${correct} />` : intent !== null && html`<span class="tag">${t(`intent_${intent}`)}</span>`)}
      ${direction === 'in' && intent !== null && confidence !== null && html`<span class="quiet">${format.percent(confidence)}</span>`}
      ${isUrgent && html`<span class="tag bad">! ${t('urgent')}</span>`}
      ${delivery && html`<${Delivery} desk=${desk} delivery=${delivery} />`}
    </header>
    ${removedAt === null ? html`<p class="text" dir="auto">${text}${isCut && '…'}</p>` : html`<p class="quiet">${t('removed')}</p>`}
    ${kind === 'voice' && html`<${Voice} desk=${desk} message=${message} />`}
    ${files.map(
      (file) =>
        html`<p key=${file.n} class="file">${
          file.isKept
            ? html`<a href=${`/api/v1/messages/${encodeURIComponent(message.messageId)}/files/${file.n}`} download><bdi>${file.name ?? t(`file_${file.kind}`)}</bdi></a>`
            : html`<bdi>${file.name ?? t(`file_${file.kind}`)}</bdi> <span class="quiet">${t('notKept')}</span>`
        }</p>`,
    )}
  </li>`;
}

/** The person who wrote a message that the bot sent, or else the bot. */
function authorOf(desk: Desk, { writtenBy }: Message): string {
  return writtenBy !== null && isPerson(writtenBy) ? personOf(writtenBy) : desk.words(threadWords)('bot');
}
/** Those who approved it, but for its author. */
function approversOf({ writtenBy, approvedBy }: Message): string {
  const author = writtenBy === null ? null : personOf(writtenBy);
  return [...new Set(approvedBy.map(personOf))].filter((person) => person !== author).join(', ');
}

/** What the channel reported last of a message that was sent. */
function Delivery({ desk, delivery: { status, errorCode, at } }: { desk: Desk; delivery: NonNullable<Message['delivery']> }): VNode {
  const word = desk.words(threadWords)(`delivery_${status}`);
  return html`<span class=${status === 'failed' ? 'tag bad' : 'quiet'} title=${desk.format.value.fullTime(at)}>${status === 'failed' && '✕ '}${word}${errorCode !== null && ` (${errorCode})`}</span>`;
}

function IntentChoice({ desk, message, correct }: { desk: Desk; message: Message; correct: NonNullable<ThreadProps['correct']> }): VNode {
  const t = desk.words(threadWords);
  const choose = (event: Event): void => correct(message.messageId, (event.target as HTMLSelectElement).value as Intent);
  return html`<select aria-label=${t('intent')} value=${message.intent ?? ''} onChange=${choose}>
    ${message.intent === null && html`<option value="">…</option>`}
    ${intents.map((intent) => html`<option key=${intent} value=${intent}>${t(`intent_${intent}`)}</option>`)}
  </select>`;
}

function Voice({ desk, message }: { desk: Desk; message: Message }): VNode {
  const t = desk.words(threadWords);
  if (message.file?.isKept !== true) return html`<p class="quiet">${t('voiceNotKept')}</p>`;
  return html`<audio controls preload="none" aria-label=${t('voice')} src=${`/api/v1/messages/${encodeURIComponent(message.messageId)}/voice`}></audio>
    ${message.text === '' && html`<p class="quiet">${t('noTranscript')}</p>`}`;
}
