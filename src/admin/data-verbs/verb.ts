import type { CommandName } from '../option.ts';

/** Commands that are one operation on one key. */
export type DataVerb = Extract<CommandName, 'create' | 'get' | 'update' | 'set' | 'destroy' | 'locate' | 'inspect'>;

const dataVerbs: readonly string[] = [
  'create',
  'get',
  'update',
  'set',
  'destroy',
  'locate',
  'inspect',
] satisfies readonly DataVerb[];

export function isDataVerb(name: CommandName): name is DataVerb {
  return dataVerbs.includes(name);
}
