/** Group commit in the client: concurrent requests go to PostgreSQL in one statement. */

/**
 * Turns a statement for many items into a function for one. While `width` statements are running, further items are collected; a single item
 * is sent at once. A failed statement is repeated item by item, so that a bad item does not affect the others: the statement must be atomic.
 */
export function batched<Item, Result>(
  many: (items: readonly Item[]) => Promise<readonly Result[]>,
  { width = 2, atMost = 128 }: { width?: number; atMost?: number } = {},
): (item: Item) => Promise<Result> {
  interface Waiting {
    readonly item: Item;
    resolve(result: Result): void;
    reject(error: unknown): void;
  }
  let gathered: Waiting[] = [];
  let underWay = 0;

  async function send(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await many(batch.map(({ item }) => item));
      for (const [index, waiting] of batch.entries()) waiting.resolve(results[index] as Result);
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      else await Promise.all(batch.map((one) => send([one])));
    }
  }
  function pump(): void {
    while (underWay < width && gathered.length > 0) {
      const batch = gathered.slice(0, atMost);
      gathered = gathered.slice(atMost);
      underWay += 1;
      void send(batch).then(() => {
        underWay -= 1;
        pump();
      });
    }
  }
  return (item) =>
    new Promise((resolve, reject) => {
      gathered.push({ item, resolve, reject });
      // Items of one turn of the event loop go together.
      if (gathered.length === 1) setImmediate(pump);
    });
}
