/** The network side of a call in fake gateways: plays the audio it receives in real time, and keeps it. */

const frameMs = 20;
const frameBytes = 160;
const silence = 0xff;

export interface FakeLine {
  /** Queues audio; false if the buffer is full. */
  push(audio: Uint8Array): boolean;
  /** Queues a mark, reported when everything pushed before it has been played. */
  mark(id: string): void;
  /** Drops the queue; returns the marks in it. */
  flush(): readonly string[];
  /** Number of queued frames. */
  readonly queued: number;
  /** All audio played so far, without the silence between. */
  heard(): Uint8Array;
  stop(): void;
}
export interface FakeLineOptions {
  readonly framesMost: number;
  readonly onMark: (id: string) => void;
  /** Called after each change of the queue. */
  readonly onQueue?: (frames: number) => void;
}

export function fakeLine({ framesMost, onMark, onQueue = () => {} }: FakeLineOptions): FakeLine {
  let queue: (Uint8Array | string)[] = [];
  let frames = 0;
  const heard: Uint8Array[] = [];
  const startAt = performance.now();
  let played = 0;
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - startAt) / frameMs);
    for (; played < due; played += 1) playFrame();
  }, frameMs);
  function reachMarks(): void {
    while (typeof queue[0] === 'string') onMark(queue.shift() as string);
  }
  function playFrame(): void {
    const next = queue.shift();
    if (next === undefined || typeof next === 'string') return;
    frames -= 1;
    heard.push(next);
    reachMarks();
    onQueue(frames);
  }
  return {
    push(audio) {
      const count = Math.ceil(audio.length / frameBytes);
      if (frames + count > framesMost) return false;
      for (let at = 0; at < audio.length; at += frameBytes) {
        const frame = new Uint8Array(frameBytes).fill(silence);
        frame.set(audio.subarray(at, at + frameBytes));
        queue.push(frame);
      }
      frames += count;
      onQueue(frames);
      return true;
    },
    mark(id) {
      queue.push(id);
      if (frames === 0) reachMarks();
    },
    flush() {
      const marks = queue.filter((entry) => typeof entry === 'string');
      queue = [];
      frames = 0;
      onQueue(0);
      return marks;
    },
    get queued() {
      return frames;
    },
    heard: () => Buffer.concat(heard),
    stop: () => clearInterval(timer),
  };
}
