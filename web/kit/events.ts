/**
 * Server-sent events over `fetch`: unlike an EventSource it reports the status of a refusal and the comments that the server sends as heartbeats.
 * Source of the format: html.spec.whatwg.org, section 9.2.6.
 */
export interface StreamEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}
export interface Reading {
  readonly lastEventId: string | undefined;
  readonly signal: AbortSignal;
  /** Any bytes arrived. */
  readonly heard: () => void;
  readonly told: (event: StreamEvent) => void;
}

/** Resolves when the server ends the stream. @throws the response of a refusal. */
export async function readEvents(send: typeof fetch, url: string, { lastEventId, signal, heard, told }: Reading): Promise<void> {
  const answered = await send(url, {
    headers: { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
    credentials: 'same-origin',
    cache: 'no-store',
    signal,
  });
  if (!answered.ok || answered.body === null) throw answered;
  heard();
  const parse = eventParser(told);
  const reader = answered.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    heard();
    parse(part.value);
  }
}

/** Takes text in any parts; an event is complete at its empty line. */
export function eventParser(told: (event: StreamEvent) => void): (text: string) => void {
  let rest = '';
  let fields: { event?: string; id?: string; data: string[] } = { data: [] };
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (fields.data.length > 0) told({ event: fields.event ?? 'message', id: fields.id, data: fields.data.join('\n') });
        fields = { data: [] };
        continue;
      }
      const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (name === 'data') fields.data.push(value);
      else if (name === 'event' || name === 'id') fields[name] = value;
    }
  };
}
