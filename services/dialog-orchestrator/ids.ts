/** Ids that follow from what names them, so that a repeat gets the same. */
import { hash } from 'node:crypto';

/** The id under which a caller's conversation is stored: it cannot be the id of a chat. */
export const sessionIdOf = (externalId: string): string => `ses_${hash('sha256', externalId, 'base64url').slice(0, 32)}`;
/** @param key of `take_turn` */
export const turnIdOf = (key: string): string => `turn_${hash('sha256', key, 'base64url').slice(0, 24)}`;
