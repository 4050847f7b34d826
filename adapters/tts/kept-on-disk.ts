/** Caches speech in files, so that neither a restart nor another process has to synthesize it again. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Speak, SpeechItem, SpokenWord, Tts } from './port.ts';
import { spokenWhole, streamOf } from './streamed.ts';

export interface KeptOnDisk {
  readonly folder: string;
  /** Above this size the least recently used files are removed. */
  readonly maxBytes: number;
  /** Files unused for this time are removed: speech can contain what customers said. */
  readonly maxAgeMs: number;
  /** Part of the key: providers do not share files. */
  readonly provider: string;
  /** Unix ms. */
  readonly now: () => number;
  /** Reports a failure of the cache; speech goes on without it. */
  readonly warn: (error: unknown) => void;
}
/** Part of the key. Change it with the format of the files (a JSON line, then audio) or of the audio (G.711 μ-law, 8 kHz). */
const format = 'pcmu-8000 1';
/** Speech of more than 10 minutes is not cached. */
const mostBytes = 4_800_000;
const suffix = '.speech';

export function keptOnDisk(tts: Tts, { folder, maxBytes, maxAgeMs, provider, now, warn }: KeptOnDisk): Required<Tts> {
  const root = resolve(folder);
  /** Bytes that may be written before the folder is scanned again; 0 at first, since its size is not known yet. */
  let room = 0;
  let sweeping: Promise<void> | undefined;
  const pathOf = ({ text, language, voice }: Speak): string =>
    join(
      root,
      createHash('sha256')
        .update(JSON.stringify([format, provider, language, voice ?? null, text]))
        .digest('hex') + suffix,
    );

  async function read(path: string): Promise<readonly SpeechItem[] | null> {
    try {
      const items = parsed(await readFile(path));
      if (items !== null) await utimes(path, new Date(now()), new Date(now()));
      return items;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') warn(error);
      return null;
    }
  }
  async function write(path: string, items: readonly SpeechItem[]): Promise<void> {
    const words = items.flatMap((item) => ('words' in item ? item.words : []));
    const audio = Buffer.concat(items.flatMap((item) => ('words' in item || 'by' in item ? [] : [item])));
    if (audio.length === 0 || audio.length > mostBytes) return;
    const file = Buffer.concat([Buffer.from(`${JSON.stringify({ bytes: audio.length, words })}\n`), audio]);
    const draft = `${path}.${randomUUID()}.part`;
    try {
      await mkdir(root, { recursive: true, mode: 0o700 });
      // Renamed once complete, so that no reader gets a partial file.
      await writeFile(draft, file, { mode: 0o600, flag: 'wx' });
      await utimes(draft, new Date(now()), new Date(now()));
      await rename(draft, path);
      room -= file.length;
      if (room < 0) {
        sweeping ??= sweep().finally(() => {
          sweeping = undefined;
        });
        await sweeping;
      }
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {}); // the first failure says more
      warn(error);
    }
  }
  async function sweep(): Promise<void> {
    const files = (
      await Promise.all(
        (
          await readdir(root)
        ).map(async (name) => {
          const path = join(root, name);
          const found = await stat(path).catch(() => null); // another process removed it
          return found === null ? [] : [{ path, bytes: found.size, usedAt: found.mtimeMs, isDraft: !name.endsWith(suffix) }];
        }),
      )
    )
      .flat()
      .toSorted((a, b) => b.usedAt - a.usedAt);
    let bytes = 0;
    for (const file of files) {
      const isOld = file.usedAt < now() - (file.isDraft ? 60_000 : maxAgeMs);
      if (isOld || bytes + file.bytes > maxBytes) await rm(file.path, { force: true });
      else bytes += file.bytes;
    }
    room = Math.min(maxBytes - bytes, maxBytes / 10);
  }
  async function* stream(speak: Speak, signal: AbortSignal): AsyncGenerator<SpeechItem> {
    const path = pathOf(speak);
    const kept = await read(path);
    signal.throwIfAborted();
    if (kept !== null) return yield* kept;
    const items: SpeechItem[] = [];
    for await (const item of streamOf(tts, speak, signal)) {
      items.push(item);
      yield item;
    }
    await write(path, items);
  }
  return { stream, speak: spokenWhole(stream) };
}

/** The content of a file; null if a crash of the machine left it incomplete. */
function parsed(file: Uint8Array): readonly SpeechItem[] | null {
  const end = file.indexOf(0x0a);
  if (end < 0) return null;
  let head: { readonly bytes?: unknown; readonly words?: readonly SpokenWord[] };
  try {
    head = JSON.parse(Buffer.from(file.subarray(0, end)).toString());
  } catch {
    return null;
  }
  const audio = file.subarray(end + 1);
  if (audio.length !== head.bytes || !Array.isArray(head.words)) return null;
  return [audio, ...(head.words.length === 0 ? [] : [{ words: head.words }])];
}
