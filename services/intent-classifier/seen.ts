/** SQL that narrows rows of chats to those of a person and of nobody; a null parameter shows all. The parameter is `narrowedTo(viewer)`. */
export const isAnalysisSeen = (chatId: string, parameter: string): string =>
  `(${parameter}::text is null or not exists (select from intent_classifier.assigned_chats other where other.chat_id = ${chatId} and other.person_id <> ${parameter}))`;
