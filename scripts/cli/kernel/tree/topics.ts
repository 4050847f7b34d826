/** Names of the help topics; their text stands in `topics/`. */
export const topicNames = ['params', 'flags', 'output', 'exit-codes', 'environment', 'addresses', 'signals'] as const;
