/** Ports that every floor shares: rows of a database, and a log. */

/** Reads and writes rows. Parameters are `$1`, `$2`, … in the text. */
export interface Queries {
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}
/** Rows outside a transaction, and transactions that emit and send nothing. */
export interface Database extends Queries {
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
}
/** Structured log lines: facts first, then a fixed message. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
