import { type CommandDescription, commandDescriptions } from './command-descriptions.ts';
import { commandWords, NO_WORDS } from './command-words.ts';
import type { CommandName, Option } from './option.ts';
import { environmentName, kebabCase, optionTable } from './option-table.ts';

/** Of the column of names in the list of commands. */
const NAME_WIDTH = 21;

/** What `junokv help` prints. */
export function generalHelp(): string {
  const rows = commandDescriptions.map((command) => `  junokv ${command.name.padEnd(NAME_WIDTH)}${command.summary}`);
  return `junokv: a key-value cluster that applications use as if it were Redis

${rows.join('\n')}
  junokv ${'help'.padEnd(NAME_WIDTH)}Show this, or with a command its options.
  junokv ${'--version'.padEnd(NAME_WIDTH)}Show the version.

'junokv COMMAND --help' lists a command's options. Most can also be given in the environment (--nodes-per-zone as
${environmentName('nodesPerZone')}) or in a JSON file named by --config ("nodes-per-zone"). The command line wins over the
environment, the environment over the file.
`;
}

/** What `junokv COMMAND --help` prints. */
export function commandHelp(name: CommandName): string {
  const command = commandDescriptions.find((candidate) => candidate.name === name);
  const rows: [string, string][] = optionsOf(name).map(([key, option]) => [
    `--${option.name ?? kebabCase(key)} ${option.placeholder}`,
    `${option.summary} Default: ${defaultText(option)}.`,
  ]);
  rows.push(['--config FILE', 'JSON file with any of these options. Default: none.']);
  rows.push(['--help', 'Show this.']);
  const lines = rows.flatMap(([left, right]) => {
    const wrapped = wrap(right, 80).map((line) => `      ${line}`);
    return [`  ${left}`, ...wrapped];
  });
  return `junokv ${[name, wordsOf(name), '[options]'].filter((part) => part !== '').join(' ')}

${command?.summary ?? ''}
${wrap(command?.detail ?? '', 100).join('\n')}

${lines.join('\n')}
`;
}

/** docs/configuration.md, whole; `npm run docs` writes it and a test compares. */
export function configurationPage(): string {
  const titles = [...new Set(commandDescriptions.map(titleOf))];
  return `# Configuration

This page is made from the program's own table of options by \`npm run docs\`; a test checks that it is current.

Every option can be given on the command line (\`--nodes-per-zone 2\` or \`--nodes-per-zone=2\`), in the environment
(\`JUNOKV_NODES_PER_ZONE=2\`) or in a JSON file named by \`--config\` or \`JUNOKV_CONFIG\` (\`{"nodes-per-zone": 2}\`). The command
line wins over the environment, the environment over the file, the file over the default. A value that is not allowed,
an option that does not exist, and options that contradict one another stop the start with a message that names them; an unknown
\`JUNOKV_...\` variable is only warned of. One file may serve all processes of a cluster: each takes the options that are its own. Options without a
variable belong to one call: neither the environment nor the file can name them.

${titles.map(configurationSection).join('\n')}`;
}

function titleOf(command: CommandDescription): string {
  return command.section ?? `junokv ${command.name}`;
}

/** The commands of one title, and a row for each option of any of them. */
function configurationSection(title: string): string {
  const commands = commandDescriptions.filter((command) => titleOf(command) === title);
  const names = commands.map(({ name }) => name);
  const isAlone = commands.length === 1;
  const about = commands.map(({ name, summary, detail }) =>
    isAlone ? `${summary} ${detail}` : `- \`junokv ${`${name} ${wordsOf(name)}`.trim()}\`: ${summary} ${detail}`,
  );
  const options = Object.entries<Option<unknown>>(optionTable).filter(([, option]) =>
    names.some((name) => option.commands.includes(name)),
  );
  const rows = options.map(([key, option]) => {
    const of = names.filter((name) => option.commands.includes(name));
    const cells = [
      `\`--${option.name ?? kebabCase(key)}\``,
      ...(isAlone ? [] : [of.length === names.length ? 'all' : of.join(', ')]),
      option.lineOnly === true ? '' : `\`${environmentName(key)}\``,
      cell(option.allowed),
      cell(defaultText(option)),
      cell(option.summary),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  if (rows.length === 0) return `## ${title}\n\n${about.join('\n')}\n`;
  return `## ${title}

${about.join('\n')}

| option | ${isAlone ? '' : 'of | '}environment | allowed | default | meaning |
| --- | ${isAlone ? '' : '--- | '}--- | --- | --- | --- |
${rows.join('\n')}
`;
}

/** '' for a command without words. */
function wordsOf(name: CommandName): string {
  return (commandWords[name] ?? NO_WORDS).shown;
}

function optionsOf(name: CommandName): [string, Option<unknown>][] {
  return Object.entries(optionTable).filter(([, option]) => option.commands.includes(name));
}

function defaultText(option: Option<unknown>): string {
  return option.defaultText ?? String(option.defaultValue);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
