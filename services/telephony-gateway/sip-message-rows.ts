/** SIP messages of legs, for operators to read. */
import type { SignallingMessage } from '../../adapters/telephony/port.ts';
import type { Queries } from '../../bus/service.ts';

export interface SipMessageRow extends SignallingMessage {
  /** Increases in the order of storage. */
  readonly seq: string;
}

export async function insertSipMessages(tx: Queries, messages: readonly SignallingMessage[]): Promise<void> {
  const column = <K extends keyof SignallingMessage>(name: K) => messages.map((each) => each[name]);
  await tx.query(
    `insert into telephony_gateway.sip_messages (leg_id, at, is_sent, protocol, peer, label, message)
     select * from unnest($1::text[], $2::timestamptz[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::text[])`,
    [
      column('legId'),
      column('at').map((at) => new Date(at)),
      column('isSent'),
      column('protocol'),
      column('peer'),
      column('label'),
      column('text'),
    ],
  );
}
/** Up to `limit` messages of all legs of a call, after the sequence number `after`. */
export async function sipMessagesOf(tx: Queries, callId: string, after: string, limit: number): Promise<readonly SipMessageRow[]> {
  const rows = await tx.query<{
    seq: string;
    leg_id: string;
    at: Date;
    is_sent: boolean;
    protocol: string;
    peer: string;
    label: string;
    message: string;
  }>(
    `select seq::text, leg_id, at, is_sent, protocol, peer, label, message
     from telephony_gateway.sip_messages join telephony_gateway.legs using (leg_id)
     where call_id = $1 and seq > $2::bigint order by seq limit $3`,
    [callId, after, limit],
  );
  return rows.map(({ seq, leg_id, at, is_sent, protocol, peer, label, message }) => {
    return { seq, legId: leg_id, at: at.getTime(), isSent: is_sent, protocol, peer, label, text: message };
  });
}
export async function forgetSipMessages(tx: Queries, before: Date): Promise<void> {
  await tx.query('delete from telephony_gateway.sip_messages where at < $1', [before]);
}
