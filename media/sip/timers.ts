/** Timer values of RFC 3261, table 4, in milliseconds. */
export const t1 = 500;
export const t2 = 4_000;
export const t4 = 5_000;
/** Timers B, F, H, J, L and M, and how long a 2xx is repeated. */
export const transactionMs = 64 * t1;
