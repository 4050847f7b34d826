/** Names of the help topics; their text stands in `topics/`. */
export const topicNames = ['params', 'output', 'exit-codes', 'environment', 'addresses', 'signals'] as const;
