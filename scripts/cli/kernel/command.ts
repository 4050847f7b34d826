/** What a command is: data from which parsing, help, completion, `commands -o json` and the docs are made. */
import type { Flags } from './flags.ts';
import type { Output } from './output.ts';

/** `ro` reads, `rw` changes state, `ext` can reach a customer. */
export type Impact = 'ro' | 'rw' | 'ext';
export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** What stands for the value in help, `DUR`; absent for a switch. */
  readonly value?: string;
  /** The only values there are. */
  readonly values?: readonly string[];
  /** The value may be left out: `--each` beside `--each FILE`. */
  readonly optional?: boolean;
  /** May be given several times. */
  readonly many?: boolean;
  readonly summary: string;
}
export interface Example {
  readonly line: string;
  readonly says?: string;
}
export interface Group {
  readonly title: string;
  readonly commands: readonly Command[];
}
export interface Invocation {
  /** `runs show`. */
  readonly path: string;
  readonly args: readonly string[];
  readonly flags: Flags;
  readonly out: Output;
  /** Fires on the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The whole command tree, for commands that describe it. */
  readonly groups: () => Promise<readonly Group[]>;
}
/** Ends with the exit status. */
export type Run = (invocation: Invocation) => Promise<number>;
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** What follows the name, `ADDRESS [name=value …]`. */
  readonly usage?: string;
  readonly impact: Impact;
  /** Whole paragraphs for help. */
  readonly details?: readonly string[];
  readonly flags?: readonly Flag[];
  readonly examples?: readonly Example[];
  readonly seeAlso?: readonly string[];
  /** What completes the first argument. */
  readonly completes?: 'address' | 'service' | 'pipeline' | 'setting' | 'file' | readonly string[];
  /** The field of a reply with the id that is its argument: `polyb call … --follow` goes on with this command. */
  readonly follows?: string;
  /** Loads its code; absent on a group, which cannot be run by itself. */
  readonly run?: () => Promise<Run>;
  readonly commands?: readonly Command[];
}
