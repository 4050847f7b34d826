/** Reads the event stream of a gateway. */

export interface StreamEvent {
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly data: unknown;
}
export interface Following {
  readonly heard: StreamEvent[];
  readonly contentType: string | null;
  readonly status: number;
  isOver(): boolean;
  leave(): void;
}
/** Reads events until left. @param headers Credentials, and perhaps `last-event-id`. */
export async function follow(origin: string, topics: string, headers: Readonly<Record<string, string>>): Promise<Following> {
  let isOver = false;
  const leaving = new AbortController();
  const heard: StreamEvent[] = [];
  const { body, headers: answered, status } = await fetch(`${origin}/api/v1/stream?topics=${topics}`, { headers, signal: leaving.signal });
  void (async () => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of body ?? []) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
        const data = field('data');
        if (data !== undefined) heard.push({ event: field('event'), id: field('id'), data: JSON.parse(data) });
      }
    }
    isOver = true;
  })().catch(() => {}); // Leaving ends the loop with an error.
  return { heard, contentType: answered.get('content-type'), status, isOver: () => isOver, leave: () => leaving.abort() };
}
