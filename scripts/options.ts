import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** What a script that people start by hand was told. `--help` prints the help and ends it; an option that it does not have ends it with 2. */
export function optionsOf<const O extends Options>(help: string, options: O): ReturnType<typeof parseArgs<{ options: O }>>['values'] {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if ('help' in values && values.help === true) {
      console.log(help);
      process.exit(0);
    }
    return values as ReturnType<typeof parseArgs<{ options: O }>>['values']; // what the script's own options say, and help besides
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    refuse(error.message, help);
  }
}

/** Says what is wrong with what the script was told, and ends it. */
export function refuse(wrong: string, help: string): never {
  console.error(`${wrong}\n\n${help}`);
  process.exit(2);
}
