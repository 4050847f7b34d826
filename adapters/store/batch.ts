/** Group commit from our side: what many ask for at once goes to PostgreSQL in one statement. */

/**
 * Makes a function of one item from a statement of many. While `width` statements are under way further items gather; an item alone goes at once.
 * A statement that fails is repeated item by item, so that one bad item does not harm the others: the statement must keep all or nothing.
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
      // Those who ask in the same turn of the event loop go together.
      if (gathered.length === 1) setImmediate(pump);
    });
}
