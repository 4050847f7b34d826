import type { Words } from '../kit/words.ts';

export const campaignsWords = {
  title: ['Кампании', 'Campaigns'],
  none: ['Кампаний пока нет.', 'There are no campaigns yet.'],
  why: [
    'Они появятся вместе со списками людей для обзвона: тогда здесь будут списки, часы звонков, ход и исходы. Сейчас система звонит по лидам, это видно на странице «Звонки».',
    'They come with lists of people to call: then this page shows lists, calling hours, progress and outcomes. Today the system calls leads; the page of calls shows them.',
  ],
  toCalls: ['К звонкам', 'To the calls'],
} as const satisfies Words;
