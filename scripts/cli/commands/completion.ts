/** Completion scripts: static text in which the command tree is baked; addresses come from the cache file. */
import type { Command, Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { globalFlags } from '../kernel/tree/flags.ts';

interface Place {
  readonly path: string;
  readonly words: readonly string[];
  readonly completes: Command['completes'];
}

function places(tree: readonly Command[], above = ''): readonly Place[] {
  return tree.flatMap((command) => {
    const path = `${above}${command.name}`;
    const flags = [...(command.flags ?? []), ...globalFlags].map(({ name }) => `--${name}`);
    const verbs = (command.commands ?? []).map(({ name }) => name);
    const values = typeof command.completes === 'object' ? command.completes : [];
    return [
      { path, words: [...verbs, ...values, ...(command.run ? flags : [])], completes: command.completes },
      ...places(command.commands ?? [], `${path} `),
    ];
  });
}

/** What may stand after a flag; flags of one name on several commands are taken together. */
function flagValues(commands: readonly Command[]): readonly { readonly names: readonly string[]; readonly values: readonly string[] }[] {
  const all = [...globalFlags, ...commands.flatMap((command) => [command, ...(command.commands ?? [])]).flatMap(({ flags = [] }) => flags)];
  return [...Map.groupBy(all, ({ name }) => name)]
    .map(([name, flags]) => ({
      names: [`--${name}`, ...new Set(flags.flatMap(({ short }) => (short === undefined ? [] : [`-${short}`])))],
      values: [...new Set(flags.flatMap(({ values = [] }) => values))],
    }))
    .filter(({ values }) => values.length > 0);
}

/** Shell code that both shells read: sets `choices` for the command line in `line` (what stands before the cursor). */
function finder(commands: readonly Command[]): string {
  const all = places(commands);
  const cases = all.map(({ path, words }) => `    '${path}') choices='${words.join(' ')}' ;;`);
  const withAddress = all.filter(({ completes }) => completes === 'address');
  const withPipeline = all.filter(({ completes }) => completes === 'pipeline');
  const withService = all.filter(({ completes }) => completes === 'service');
  const list = (of: readonly Place[]) => of.map(({ path }) => `'${path}'`).join('|') || "''";
  const values = flagValues(commands).map(
    ({ names, values: choices }) => `    ${names.join('|')}) choices='${choices.join(' ')}'; return ;;`,
  );
  return `_polyb_words() {
  local place="$1" address="$2" before="$3" cache="\${XDG_CACHE_HOME:-$HOME/.cache}/polyb/addresses" first rest seen=''
  choices=''
  case "$before" in
${values.join('\n')}
  esac
  case "$place" in
    '') choices='${commands.map(({ name }) => name).join(' ')}' ;;
${cases.join('\n')}
  esac
  [ -r "$cache" ] || return 0
  while read -r first rest; do
    case "$place" in
      ${list(withAddress)})
        if [ -z "$address" ]; then choices="$choices $first"
        elif [ "$first" = "$address" ] || [ "\${first#*.}" = "$address" ]; then choices="$choices $rest"; fi ;;
      ${list(withPipeline)})
        case " $rest " in *' waitMs= '*) # every pipeline takes it, and no other method
          if [ -z "$address" ]; then choices="$choices \${first#*.}"
          elif [ "\${first#*.}" = "$address" ]; then choices="$choices $rest"; fi ;;
        esac ;;
      ${list(withService)})
        if [ "\${first%%.*}" != "$seen" ]; then seen="\${first%%.*}"; choices="$choices $seen"; fi ;;
    esac
  done < "$cache"
}`;
}

const nouns = (commands: readonly Command[]) =>
  commands
    .filter(({ commands: verbs }) => verbs !== undefined)
    .map(({ name }) => name)
    .join('|');

function bash(commands: readonly Command[]): string {
  return `# bash completion for polyb. Install: source <(polyb completion bash)
${finder(commands)}
_polyb() {
  local line="\${COMP_LINE:0:COMP_POINT}" choices word place='' address='' before='' count=0 cur='' IFS=$' \\t\\n'
  local -a all
  read -r -a all <<< "$line"
  case "$line" in *[[:space:]]) cur='' ;; *) cur="\${all[\${#all[@]}-1]}"; unset 'all[\${#all[@]}-1]' ;; esac
  for word in "\${all[@]:1}"; do
    case "$word" in -*) before="$word"; continue ;; esac
    before="$word"
    case "$count" in
      0) place="$word"; count=1 ;;
      1) case "$place" in ${nouns(commands)}) place="$place $word"; count=2; continue ;; esac; address="$word"; count=3 ;;
      2) address="$word"; count=3 ;;
    esac
  done
  _polyb_words "$place" "$address" "$before"
  COMPREPLY=($(compgen -W "$choices" -- "$cur"))
  # Readline takes what stands after = for a word of its own.
  case "$cur" in *=*) case "$COMP_WORDBREAKS" in *=*) COMPREPLY=("\${COMPREPLY[@]#"\${cur%%=*}="}") ;; esac ;; esac
  case "\${COMPREPLY[0]-}" in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _polyb polyb
`;
}

function zsh(commands: readonly Command[]): string {
  return `#compdef polyb
# zsh completion for polyb. Install: polyb completion zsh > ~/.zfunc/_polyb, a folder of fpath
${finder(commands)}
_polyb() {
  local word place='' address='' before='' count=0
  local -a given=(\${words[2,CURRENT-1]})
  for word in $given; do
    case "$word" in -*) before="$word"; continue ;; esac
    before="$word"
    case "$count" in
      0) place="$word"; count=1 ;;
      1) case "$place" in ${nouns(commands)}) place="$place $word"; count=2; continue ;; esac; address="$word"; count=3 ;;
      2) address="$word"; count=3 ;;
    esac
  done
  () {
    local choices
    _polyb_words "$place" "$address" "$before"
    local -a found=(\${=choices})
    compadd -S '' -- \${(M)found:#*=}
    compadd -- \${found:#*=}
  }
  [ -n "$compstate[nmatches]" ] && (( compstate[nmatches] > 0 )) || _files
}
# Autoloaded from fpath, this file is the function's first call; sourced, it only defines it.
if [ "$funcstack[1]" = _polyb ]; then _polyb "$@"; else compdef _polyb polyb; fi
`;
}

/** The tree with the names of all settings where one is completed. */
export function withSettings(commands: readonly Command[], settings: readonly string[]): readonly Command[] {
  return commands.map((command) => ({
    ...command,
    ...(command.completes === 'setting' && { completes: settings }),
    ...(command.commands && { commands: withSettings(command.commands, settings) }),
  }));
}

/** The script for a shell, by the shell's name. */
export const completionScripts: Readonly<Record<string, (commands: readonly Command[]) => string>> = { bash, zsh };

export async function completion({ args, out, env, groups }: Invocation): Promise<number> {
  const script = completionScripts[args[0] ?? ''];
  if (script === undefined)
    throw wrongUsage(`expected bash or zsh${args[0] === undefined ? '' : `; got "${args[0]}"`}`, {
      subject: 'completion',
      next: ['polyb completion bash'],
    });
  const { allSettings } = await import('./config.ts');
  const settings = (await allSettings({ env })).map(({ name }) => name);
  out.print(
    script(
      withSettings(
        (await groups()).flatMap(({ commands }) => commands),
        settings,
      ),
    ),
  );
  const { readCatalogue } = await import('../kernel/catalogue.ts');
  const { refreshCache } = await import('../kernel/cache.ts');
  refreshCache(Object.values((await readCatalogue()).entries), env);
  return 0;
}
