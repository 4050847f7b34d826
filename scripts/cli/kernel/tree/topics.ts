/** Names of the help topics; their texts are in `kernel/topics.ts`. */
export const topicNames = ['params', 'flags', 'output', 'exit-codes', 'environment', 'addresses', 'signals'] as const;
