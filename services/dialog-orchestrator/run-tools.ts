/** Runs what a model has called that speaks with a customer itself, as a turn of the conversation. */
import type { Database, Handler } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { dialog } from '../../contracts/dialog.ts';
import { sessionIdOf } from './ids.ts';
import { toolsOf } from './rows/turns.ts';

export function runTools(db: Database): Handler<typeof dialog.run_tools> {
  return async ({ sessionId, said: text, toolCalls, model, name = null, phoneNumber = null }, { call, key }) => {
    const said = {
      externalId: sessionId,
      text,
      choice: null,
      name,
      phoneNumber,
      language: null,
      isSpoken: true,
      calls: { model, toolCalls },
    };
    const turn = await call(dialog.take_turn, { sessionId: sessionIdOf(sessionId), said }, { key: derivedKey(key, 'turn') });
    const rows = turn.turnId === null ? [] : ((await toolsOf(db, [turn.turnId])).get(turn.turnId) ?? []);
    const silent = {
      outcome: 'not_allowed' as const,
      result: { error: 'not_allowed', detail: 'The agent is silent in this conversation.' },
    };
    return {
      turnId: turn.turnId,
      results: toolCalls.map(({ id }, n) => {
        const { outcome, result } = rows[n] ?? silent;
        return { id, outcome, result };
      }),
      ...{ say: turn.reply, state: turn.state, proposals: turn.proposals, isHandedOver: turn.isHandedOver, isStaffAway: turn.isStaffAway },
    };
  };
}
