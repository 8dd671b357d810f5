import { args, type Script, type Step, script } from '../support/script.ts';

function added(from: number, to: number): Step {
  const elements = Array.from({ length: to - from }, (_, i) => `element-${from + i}`);
  return args(`PFADD p, elements ${from} to ${to}`, ['PFADD', 'p', ...elements]);
}

const counts = script('hyperloglogs: PFADD and PFCOUNT', [
  ...[
    'PFADD p',
    'PFADD p',
    'GET p',
    'PFCOUNT p',
    'PFADD p a b c',
    'PFADD p a',
    'PFCOUNT p',
    'PFCOUNT nothing',
    'TYPE p',
  ],
  ...['PFADD p "" "\x00\xff" 12345678 123456789', 'PFCOUNT p', 'EXPIRE p 100', 'PFADD p d', 'PERSIST p'],
  ...[10, 100, 1_000, 2_000, 5_000, 20_000].flatMap((to, i, all) => [
    added(i === 0 ? 0 : (all[i - 1] ?? 0), to),
    'PFCOUNT p',
  ]),
  ...['STRLEN p', added(0, 10), added(19_990, 20_010), 'PFCOUNT p', 'PFCOUNT p p', 'COPY p q', 'PFCOUNT q'],
  ...[
    'SET k text',
    'PFADD k a',
    'PFCOUNT k',
    'SADD s a',
    'PFADD s a',
    'PFCOUNT s',
    'PFADD',
    'PFCOUNT',
    'SET e ""',
    'PFADD e a',
  ],
  ...['PFADD one a', 'SETRANGE one 4 "\x02"', 'PFCOUNT one', 'SETRANGE one 4 "\x00"', 'PFADD one b', 'PFADD two a'],
]);

/** Of these the bytes are the same. */
const formats = script('hyperloglogs: formats', ['PFADD empty', 'GET empty', 'PFADD one a', 'GET one', 'STRLEN one']);

export const hyperloglogScripts: readonly Script[] = [counts, formats];
