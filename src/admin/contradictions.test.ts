import { describe, expect, it } from 'vitest';
import { loadConfiguration } from './configuration.ts';
import { namesTwice } from './contradictions.ts';
import type { CommandName } from './option.ts';

function problems(command: CommandName, args: string, file = '{}'): readonly string[] {
  const words = args.split(' ').filter((word) => word !== '');
  const loaded = loadConfiguration(command, [...words, '--config', 'f.json'], {}, () => file);
  return loaded.kind === 'invalid' ? loaded.problems : [];
}

describe('settings that contradict one another', () => {
  it.each<[CommandName, string, string, string]>([
    ['proxy', '--keystore k.json', '{"keystore-command": "cat k"}', '--keystore and --keystore-command both say where'],
    ['get', '--password a --password-file b k', '{}', '--password and --password-file both say what'],
    ['start', '--port 7000 --cluster-port 7000', '{}', '--port and --cluster-port are the same port'],
    ['proxy', '--tls-port 6379', '{}', '--port and --tls-port are the same port'],
    ['start', '--port 7000 --http-port 7000', '{}', '--http-port and --port are the same port of 127.0.0.1'],
    ['storage', '--engine memory --fsync always --node 1', '{}', '--fsync always promises'],
    ['start', '--engine memory --keystore-command x', '{}', '--keystore-command names keys, but'],
    ['start', '--maxmemory 1gb', '{}', '--maxmemory limits what storage nodes keep in memory'],
  ])('stop %s %s', (command, args, file, problem) => {
    expect(problems(command, args, file)).toEqual([expect.stringContaining(problem)]);
  });

  it.each<[CommandName, string, string]>([
    ['start', '--port 0 --cluster-port 0', '{}'],
    ['start', '--engine memory', '{"fsync": "everysec"}'],
    ['start', '--engine memory --maxmemory 1gb', '{"maxmemory-policy": "allkeys-lru"}'],
    ['start', '--maxmemory 0', '{}'],
    ['proxy', '--maxmemory 1gb', '{}'],
    ['start', '--port 7000 --http-port 7000 --http-host 127.0.0.2', '{}'],
    ['storage', '--node 1', '{"keystore": "k.json", "keystore-command": "cat k"}'],
    ['proxy', '--keystore k.json --keystore-command=', '{}'],
  ])('are not %s %s', (command, args, file) => {
    expect(problems(command, args, file)).toEqual([]);
  });

  it('are told after what is not understood', () => {
    expect(problems('start', '--port x --cluster-port 6379')).toEqual([expect.stringContaining("'x' is not allowed")]);
  });

  it('are also a name that stands twice in the file', () => {
    const file = '{"port": 1, "bind": ["127.0.0.1"], "port": 2}';
    expect(problems('start', '', file)).toEqual(["'port' in f.json: it stands there twice; leave one out"]);
    const unusual = String.raw`{"a": {"port": 1, "port": 2}, "b": "\"port\": {", "c" : 1, "\u0063": ["c", "c"]}`;
    expect(namesTwice(unusual)).toEqual(['c']);
  });
});
