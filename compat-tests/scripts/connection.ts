import { inShape, inType, masking } from '../support/comparisons.ts';
import { as, on, pipeline, raw, type Script, script, thenEnds, toStep, unanswered } from '../support/script.ts';

/** HELLO: the connection's id and the version differ. */
const hello = masking(/("id" ):\d+/, /("version" )\$"[^"]*"/);
/** CLIENT LIST and INFO: what is the connection's or the process's own. */
const clientLine = masking(
  /\b((?:id|addr|laddr|fd|age|idle|qbuf|qbuf-free|argv-mem|multi-mem|rbs|rbp|obl|oll|omem|tot-mem)=)[^ \\"]*/g,
  /\b(events=)\w*/g,
  // Fields of CLIENT SETINFO, which is of Redis 7.2: see known-differences.ts.
  / lib-name=\S* lib-ver=[^\s\\"]*()/,
);

const basics = script('PING, ECHO, QUIT', [
  'PING',
  'PING hello',
  'PING ""',
  'PING a b',
  'ping',
  'ECHO hello',
  'ECHO ""',
  'ECHO "\x00\xff\r\n"',
  'ECHO',
  'ECHO a b',
  thenEnds('QUIT'),
  on(1, pipeline('PING, QUIT', ['PING', 'QUIT'])),
  on(2, thenEnds('QUIT now')),
]);

const helloScript = script(
  'HELLO',
  [
    as(hello, 'HELLO'),
    as(hello, 'HELLO 2'),
    'GET missing',
    as(hello, 'HELLO 3'),
    'GET missing',
    as(hello, 'HELLO'),
    'HELLO 1',
    'HELLO 4',
    'HELLO 99999999999999999999',
    'HELLO x',
    'HELLO ""',
    'HELLO 3 nonsense',
    'HELLO 3 AUTH default',
    'HELLO 3 SETNAME',
    'HELLO 3 SETNAME "with space"',
    as(hello, 'HELLO 3 SETNAME me'),
    'CLIENT GETNAME',
    as(hello, 'HELLO 2 SETNAME other'),
    'CLIENT GETNAME',
    as(hello, 'HELLO 3 AUTH default wrong'),
    'HELLO 3 AUTH nobody wrong',
    as(hello, 'HELLO 3 AUTH default any SETNAME x'),
    'GET missing',
    'RESET',
    'GET missing',
    'CLIENT GETNAME',
    as(hello, 'hello 3'),
    'SELECT 3',
    as(hello, 'HELLO 2'),
    'DBSIZE',
  ],
  { protocols: [2] },
);

const auth = script('AUTH without a password set', [
  'AUTH',
  'AUTH pass',
  'AUTH default pass',
  'AUTH nobody pass',
  'AUTH a b c',
]);

const clientNames = script('CLIENT: names and settings', [
  'CLIENT GETNAME',
  'CLIENT SETNAME worker-1',
  'CLIENT GETNAME',
  'CLIENT SETNAME "with space"',
  'CLIENT SETNAME "new\nline"',
  'CLIENT GETNAME',
  'CLIENT SETNAME ""',
  'CLIENT GETNAME',
  'CLIENT SETNAME',
  'CLIENT SETNAME a b',
  as(inType, 'CLIENT ID'),
  'CLIENT ID x',
  as(clientLine, 'CLIENT INFO'),
  'CLIENT NO-EVICT ON',
  'CLIENT NO-EVICT OFF',
  'CLIENT NO-EVICT maybe',
  'CLIENT NO-EVICT',
  'CLIENT TRACKINGINFO',
  'CLIENT GETREDIR',
  'CLIENT CACHING YES',
  'CLIENT CACHING NO',
  'CLIENT CACHING',
  'CLIENT TRACKING OFF',
  'CLIENT TRACKING',
  'CLIENT TRACKING maybe',
  'CLIENT',
  'CLIENT nonsense',
  'CLIENT nonsense a b',
  'client getname',
  'CLIENT GETNAME x',
]);

const clientReply = script('CLIENT REPLY', [
  'CLIENT REPLY ON',
  'CLIENT REPLY nonsense',
  'CLIENT REPLY',
  unanswered('CLIENT REPLY SKIP'),
  unanswered('SET skipped 1'),
  'GET skipped',
  unanswered('CLIENT REPLY OFF'),
  unanswered('SET silent 1'),
  unanswered('nonsense'),
  unanswered('GET silent'),
  'CLIENT REPLY ON',
  'GET silent',
  unanswered('CLIENT REPLY OFF'),
  unanswered('CLIENT REPLY SKIP'),
  'CLIENT REPLY ON',
]);

const clientList = script('CLIENT LIST and KILL', [
  on(1, 'CLIENT SETNAME victim'),
  as(inType, 'CLIENT LIST'),
  as(inType, 'CLIENT LIST TYPE normal'),
  'CLIENT LIST TYPE master',
  'CLIENT LIST TYPE replica',
  'CLIENT LIST TYPE pubsub',
  'CLIENT LIST TYPE nonsense',
  'CLIENT LIST TYPE',
  'CLIENT LIST ID 99999999',
  'CLIENT LIST ID x',
  'CLIENT LIST ID',
  'CLIENT LIST nonsense',
  'CLIENT KILL 1.2.3.4:5',
  'CLIENT KILL ID 99999999',
  'CLIENT KILL ID x',
  'CLIENT KILL ID 0',
  'CLIENT KILL ADDR 1.2.3.4:5',
  'CLIENT KILL LADDR 1.2.3.4:5',
  'CLIENT KILL TYPE nonsense',
  'CLIENT KILL TYPE replica',
  ...['normal', 'master', 'slave', 'pubsub'].map((type) => `CLIENT KILL TYPE ${type} ADDR 192.0.2.1:1`),
  'CLIENT KILL USER nobody',
  'CLIENT KILL SKIPME maybe',
  'CLIENT KILL ID',
  'CLIENT KILL ID 1 ADDR',
  'CLIENT KILL nonsense 1',
  'CLIENT KILL',
  on(1, 'PING'),
  'CLIENT UNBLOCK 99999999',
  'CLIENT UNBLOCK x',
  'CLIENT UNBLOCK 99999999 ERROR',
  'CLIENT UNBLOCK 99999999 TIMEOUT',
  'CLIENT UNBLOCK 99999999 nonsense',
  'CLIENT UNBLOCK',
  'CLIENT PAUSE 0',
  'CLIENT PAUSE x',
  'CLIENT PAUSE -1',
  'CLIENT PAUSE 10 nonsense',
  'CLIENT PAUSE 1 WRITE',
  'CLIENT PAUSE 1 ALL',
  'CLIENT UNPAUSE',
  'CLIENT PAUSE',
]);

const clientHelp = script('CLIENT HELP', ['CLIENT HELP x']);

const reset = script(
  'RESET',
  [
    'CLIENT SETNAME me',
    'SELECT 4',
    'SET here 4',
    'RESET',
    'CLIENT GETNAME',
    'GET here',
    'RESET x',
    as(hello, 'HELLO 3'),
    'RESET',
    'GET missing',
  ],
  { protocols: [2] },
);

const password = script(
  'requirepass',
  [
    'PING',
    'GET k',
    'nonsense',
    'GET',
    'HELLO',
    'HELLO 3',
    'HELLO 3 SETNAME x',
    'AUTH',
    'AUTH wrong',
    'AUTH default wrong',
    'AUTH nobody secret',
    'HELLO 3 AUTH default wrong',
    'HELLO 2 AUTH nobody secret',
    raw('*11\r\n', { replies: 1, thenEnd: true }),
    on(1, raw('*2\r\n$16385\r\n', { replies: 1, thenEnd: true })),
    on(2, 'RESET'),
    on(2, 'AUTH default secret'),
    on(2, 'PING'),
    on(2, 'AUTH secret'),
    on(2, 'SET k v'),
    on(2, 'RESET'),
    on(2, 'GET k'),
    on(3, as(hello, 'HELLO 3 AUTH default secret SETNAME me')),
    on(3, 'CLIENT GETNAME'),
    on(3, 'GET k'),
    on(3, 'GET missing'),
    on(3, 'AUTH wrong'),
    on(3, 'GET k'),
    on(3, 'CONFIG GET requirepass'),
    on(4, pipeline('AUTH in a pipeline', ['GET k', 'AUTH secret', 'GET k'])),
    on(5, thenEnds('QUIT')),
  ],
  { protocols: [2], servers: 'password' },
);

/** DBSIZE only now and then: it looks at every shard. */
function mixed(i: number): string {
  if (i % 80 === 7) return 'DBSIZE';
  return ['INCR m', 'GET', 'PING', 'nonsense x', 'APPEND text x', 'STRLEN text', 'ECHO e'][i % 7] ?? 'PING';
}

const depth = script('pipelines of 10,000 commands', [
  pipeline(
    '10,000 SETs and GETs',
    Array.from({ length: 10_000 }, (_, i) => (i % 2 === 0 ? `SET p:${i % 500} ${i}` : `GET p:${(i - 1) % 500}`)),
  ),
  pipeline(
    '10,000 INCRs of one key',
    Array.from({ length: 10_000 }, () => 'INCR counter'),
  ),
  'GET counter',
  pipeline(
    'a mixture, with errors',
    Array.from({ length: 2_000 }, (_, i) => mixed(i)),
  ),
  pipeline(
    'reads behind writes on one key',
    Array.from({ length: 1_000 }, (_, i) => (i % 2 === 0 ? `SET one ${i}` : 'GET one')),
  ),
  { ...toStep('PING'), text: 'PING afterwards' },
]);

const time = script('TIME', [as(inShape, 'TIME'), 'TIME x']);

export const connectionScripts: readonly Script[] = [
  basics,
  helloScript,
  auth,
  clientNames,
  clientReply,
  clientList,
  clientHelp,
  reset,
  password,
  depth,
  time,
];
