import { z } from 'zod';
import { durationMs, integer } from '../../config/settings.ts';

const Approval = z.enum(['staff', 'none']).meta({ expected: 'staff or none' });
const nameOf = (channel: string): string => `SENDER_APPROVAL_${channel.toUpperCase()}`;
const common = z.object({
  SENDER_APPROVAL: Approval.default('staff').describe('Whether a person approves each message before it is sent: staff or none.'),
  SENDER_APPROVERS: integer({ min: 1, max: 2 }).default(1).describe('Number of different people who must approve a message: 1 or 2.'),
  SENDER_UNDO_MS: durationMs({ max: 30_000 }).default(5_000).describe('How long an approval can be withdrawn before the message is sent.'),
  SENDER_KEEP_DAYS: integer({ min: 31, max: 3650 }).default(365).describe('Days to keep the delivery status of messages.'),
});

/** With `SENDER_APPROVAL_<CHANNEL>` for each channel. */
export const senderSettings = (channels: readonly string[]): typeof common =>
  common.extend(
    Object.fromEntries(channels.map((each) => [nameOf(each), Approval.optional().describe(`SENDER_APPROVAL for the channel ${each}.`)])),
  ) as unknown as typeof common; // The settings of channels are read by name.

/** Approval policy by channel. */
export type Policy = ReadonlyMap<string, z.output<typeof Approval>>;
export function policyOf(settings: z.output<typeof common>, channels: readonly string[]): Policy {
  const given = settings as Readonly<Record<string, unknown>>;
  return new Map(channels.map((each) => [each, Approval.optional().parse(given[nameOf(each)]) ?? settings.SENDER_APPROVAL]));
}
