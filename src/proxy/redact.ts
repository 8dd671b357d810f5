const REDACTED = Buffer.from('(redacted)');
const NONE: ReadonlySet<number> = new Set();

function word(args: readonly Buffer[], index: number): string {
  const argument = args[index];
  return argument === undefined || argument.length > 32 ? '' : argument.toString('latin1').toLowerCase();
}

function from(first: number, end: number): ReadonlySet<number> {
  const indexes = new Set<number>();
  for (let i = first; i < end; i++) indexes.add(i);
  return indexes;
}

/** Indexes of the arguments that are passwords. */
function secretArguments(args: readonly Buffer[]): ReadonlySet<number> {
  switch (word(args, 0)) {
    case 'auth':
      return from(1, args.length);
    case 'hello':
      for (let i = 2; i < args.length; i++)
        if (word(args, i) === 'auth') return from(i + 1, Math.min(i + 3, args.length));
      return NONE;
    case 'config': {
      if (word(args, 1) !== 'set') return NONE;
      const indexes = new Set<number>();
      for (let i = 2; i + 1 < args.length; i += 2) if (word(args, i) === 'requirepass') indexes.add(i + 1);
      return indexes;
    }
    default:
      return NONE;
  }
}

/** The command as others may see it (MONITOR, SLOWLOG): passwords are replaced by "(redacted)", as in Redis. */
export function withoutSecrets(args: readonly Buffer[]): readonly Buffer[] {
  const secret = secretArguments(args);
  return secret.size === 0 ? args : args.map((argument, index) => (secret.has(index) ? REDACTED : argument));
}
