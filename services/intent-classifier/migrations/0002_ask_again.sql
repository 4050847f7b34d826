-- Messages for which a language model was there but gave no opinion.
create index message_analysis_unanswered on intent_classifier.message_analysis (judged_at)
  where is_latest and not is_certain and stage = 'local' and llm is not null;
