import type { Assembly } from './assembly.ts';
import { auditedCommand } from './audit-command.ts';
import { certsCommand } from './certs/certs-command.ts';
import { closestName } from './closest-name.ts';
import { clusterInitCommand } from './cluster-init-command.ts';
import { commandDescriptions } from './command-descriptions.ts';
import type { Command } from './command-input.ts';
import { loadConfiguration } from './configuration.ts';
import { type ConnectClient, dataVerbCommand, refuseArguments } from './data-verbs/data-verb-command.ts';
import { isDataVerb } from './data-verbs/verb.ts';
import { hashPasswordCommand } from './hash-password-command.ts';
import { commandHelp, generalHelp } from './help-text.ts';
import { loadCommand } from './load/load-command.ts';
import { clusterApplyCommand } from './members/apply-command.ts';
import { clusterPlanCommand } from './members/plan-command.ts';
import { clusterStatusCommand } from './members/status-command.ts';
import { clusterTrustDisksCommand } from './members/trust-command.ts';
import { clusterCancelCommand, clusterMarkDownCommand, clusterMarkUpCommand } from './members/zone-commands.ts';
import { limitsGetCommand, limitsSetCommand, namespaceCreateCommand, namespaceListCommand } from './namespace-verbs.ts';
import type { CommandName } from './option.ts';
import { proxyCommand } from './proxy-command.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './serve.ts';
import { startCommand } from './start-command.ts';
import { storageCommand } from './storage-command.ts';
import type { System } from './system.ts';

/** Loaded when needed: servers start without it. */
async function loadClient(): Promise<ConnectClient> {
  return (await import('../juno-ext/client/src/client.ts')).connect;
}

/** Loaded when needed, as it loads what seals records. */
async function loadBackup(): Promise<typeof import('./backup/backup-commands.ts')> {
  return import('./backup/backup-commands.ts');
}

/** Loaded when needed, as it loads what seals records. */
async function loadKeys(): Promise<typeof import('./keys/keys-command.ts')> {
  return import('./keys/keys-command.ts');
}

/** Loaded when needed. */
async function loadUsers(): Promise<typeof import('./users/users-command.ts')> {
  return import('./users/users-command.ts');
}

/** Every command, with its rooms built by `assembly`. */
function commandsOf(assembly: Assembly): Readonly<Record<CommandName, Command>> {
  return {
    start: (input) => startCommand(input, assembly),
    storage: (input) => storageCommand(input, assembly),
    proxy: (input) => proxyCommand(input, assembly),
    'cluster init': clusterInitCommand,
    'cluster move-to-etcd': async (input) => (await import('./move-to-etcd-command.ts')).moveToEtcdCommand(input),
    'cluster plan': clusterPlanCommand,
    'cluster apply': clusterApplyCommand,
    'cluster status': clusterStatusCommand,
    'cluster cancel': clusterCancelCommand,
    'cluster mark-down': clusterMarkDownCommand,
    'cluster mark-up': clusterMarkUpCommand,
    'cluster trust-disks': clusterTrustDisksCommand,
    top: async (input) => (await import('./top/top-command.ts')).topCommand(input),
    'cluster verify': async (input) => (await import('./verify-command.ts')).clusterVerifyCommand(input),
    'backup verify': async (input) => (await loadBackup()).backupVerifyCommand(input),
    'backup compare': async (input) => (await loadBackup()).backupCompareCommand(input),
    backup: async (input) => (await loadBackup()).backupCommand(input),
    restore: async (input) => (await loadBackup()).restoreCommand(input),
    import: async (input) => (await import('./import/import-command.ts')).importCommand(input),
    export: async (input) => (await import('./export/export-command.ts')).exportCommand(input),
    'keys list': async (input) => (await loadKeys()).keysListCommand(input),
    'keys rotate': async (input) => (await loadKeys()).keysRotateCommand(input),
    'keys reencrypt': async (input) => (await loadKeys()).keysReencryptCommand(input),
    'keys retire': async (input) => (await loadKeys()).keysRetireCommand(input),
    'namespace list': namespaceListCommand,
    'namespace create': namespaceCreateCommand,
    'limits get': limitsGetCommand,
    'limits set': limitsSetCommand,
    'users list': async (input) => (await loadUsers()).usersListCommand(input),
    'users set': async (input) => (await loadUsers()).usersSetCommand(input),
    'users remove': async (input) => (await loadUsers()).usersRemoveCommand(input),
    'hash-password': hashPasswordCommand,
    certs: certsCommand,
    create: dataVerbCommand('create', loadClient),
    get: dataVerbCommand('get', loadClient),
    update: dataVerbCommand('update', loadClient),
    set: dataVerbCommand('set', loadClient),
    destroy: dataVerbCommand('destroy', loadClient),
    locate: dataVerbCommand('locate', loadClient),
    inspect: dataVerbCommand('inspect', loadClient),
    load: loadCommand,
  };
}

/**
 * Runs what the arguments ask for; resolves to the exit code: 0 fine, 1 it failed, 2 it was asked for wrongly;
 * data verbs have their own, in `data-verbs/verb-error.ts`.
 */
export async function runCommandLine(args: readonly string[], system: System, assembly: Assembly): Promise<number> {
  const [first, second] = args;
  if (first === '--version' || first === '-v' || first === 'version') {
    system.print(`junokv ${system.version}`);
    return EXIT_OK;
  }
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    const name = findCommand(args.slice(1));
    system.print(name === null ? generalHelp() : commandHelp(name));
    return first === undefined ? EXIT_USAGE : EXIT_OK;
  }
  const name = findCommand(args);
  if (name === null) {
    const isHalfName = commandDescriptions.some((command) => command.name.startsWith(`${first} `));
    const typed = isHalfName && second !== undefined ? `${first} ${second}` : first;
    const closest = closestName(typed, [...commandDescriptions.map((command) => command.name), 'help']);
    const hint = closest === null ? '' : `; did you mean 'junokv ${closest}'?`;
    system.complain(`junokv: there is no command '${typed}'${hint}\n'junokv help' lists all of them.`);
    return EXIT_USAGE;
  }
  const loaded = loadConfiguration(name, args.slice(name.split(' ').length), system.environment);
  if (loaded.kind === 'help') {
    system.print(commandHelp(name));
    return EXIT_OK;
  }
  if (loaded.kind === 'invalid') {
    if (isDataVerb(name)) return refuseArguments(name, args, loaded.problems, system);
    system.complain(loaded.problems.map((problem) => `junokv: ${problem}`).join('\n'));
    return EXIT_USAGE;
  }
  for (const warning of loaded.warnings) system.complain(`junokv: warning: ${warning}`);
  try {
    return await auditedCommand(
      name,
      commandsOf(assembly)[name],
    )({
      config: loaded.config,
      given: loaded.given,
      configFile: loaded.configFile,
      words: loaded.words,
      system,
    });
  } catch (error) {
    // Expected failures are values; what is thrown is a defect, and whoever reports it needs the stack.
    system.complain(`junokv: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return EXIT_FAILED;
  }
}

/** The command that the words begin with, or null. */
function findCommand(words: readonly string[]): CommandName | null {
  const names = commandDescriptions.map((command) => command.name);
  return names.find((name) => words[0] === name || `${words[0]} ${words[1]}` === name) ?? null;
}
