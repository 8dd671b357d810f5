import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { RequestParser } from './request-parser.ts';
import { cutBySizes } from './testing/chunking.ts';

interface Outcome {
  readonly commands: string[];
  readonly error: string | null;
}

/** A stream may hold this much beyond what it sent, and once more for each half-received argument. */
const SLACK_BYTES = 2_048;
const ERROR_TEXT =
  /^ERR Protocol error: (invalid (multi)?bulk length|unauthenticated (multi)?bulk length|too big (inline request|m?bulk count string)|unbalanced quotes in request|expected '\$', got '[^\r\n]')$/;

/** Feeds the chunks, checking at each what must hold for any input. */
function run(chunks: readonly Buffer[], authenticated = true): Outcome {
  const parser = new RequestParser(authenticated);
  const commands: string[] = [];
  let pushedBytes = 0;
  for (const chunk of chunks) {
    parser.push(chunk);
    pushedBytes += chunk.length;
    for (let args = parser.next(); args !== null; args = parser.next()) {
      expect(args.length).toBeGreaterThan(0);
      commands.push(args.map((arg) => arg.toString('hex')).join(' '));
    }
    const boundBytes = pushedBytes * (2 + limits.argumentOverheadBytes) + SLACK_BYTES;
    expect(parser.bufferedBytes).toBeLessThanOrEqual(boundBytes);
    expect(parser.bufferedBytes).toBeGreaterThanOrEqual(0);
  }
  const error = parser.takeError();
  expect(parser.failed).toBe(error !== null);
  if (error !== null) expect(error).toMatch(ERROR_TEXT);
  expect(parser.takeError()).toBeNull();
  return { commands, error };
}

function encode(args: readonly Uint8Array[]): Buffer {
  const parts = args.flatMap((arg) => [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}

const chunkSizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const args = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 6 });
const pipeline = fc.array(args, { minLength: 1, maxLength: 6 });

/** Bytes that a parser finds interesting, so that random input gets past the first byte. */
const token = fc.constantFrom(
  '*',
  '$',
  '\r\n',
  '\r',
  '\n',
  '1',
  '2',
  '0',
  '-1',
  '10',
  '01',
  ' ',
  '"',
  "'",
  '\\',
  '\\x4',
  'x',
  '\0',
  'PING',
  '\xff',
  '*1\r\n$4\r\nPING\r\n',
  '*2\r\n',
  '$0\r\n',
  '$3\r\n',
  '99999999999',
  '536870912',
  '1048576',
);

describe('RequestParser with any input', () => {
  it('gives back pipelines of any arguments, however they are cut', () => {
    fc.assert(
      fc.property(pipeline, chunkSizes, (commands, sizes) => {
        const expected = commands.map((command) => command.map((arg) => Buffer.from(arg).toString('hex')).join(' '));
        const outcome = run(cutBySizes(Buffer.concat(commands.map(encode)), sizes));
        expect(outcome).toEqual({ commands: expected, error: null });
      }),
      { numRuns: 300 },
    );
  });

  it('survives random bytes, and cutting them changes nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), chunkSizes, fc.boolean(), (input, sizes, authenticated) => {
        const bytes = Buffer.from(input);
        expect(run(cutBySizes(bytes, sizes), authenticated)).toEqual(run([bytes], authenticated));
      }),
      { numRuns: 500 },
    );
  });

  it('survives random tokens, and cutting them changes nothing', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), chunkSizes, fc.boolean(), (tokens, sizes, authenticated) => {
        const bytes = Buffer.from(tokens.join(''), 'latin1');
        expect(run(cutBySizes(bytes, sizes), authenticated)).toEqual(run([bytes], authenticated));
      }),
      { numRuns: 1_500 },
    );
  });

  it('survives mutated pipelines, and cutting them changes nothing', () => {
    const mutations = fc.array(
      fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'drop', 'insert')),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(pipeline, mutations, chunkSizes, (commands, changes, sizes) => {
        const bytes = [...Buffer.concat(commands.map(encode))];
        for (const [place, byte, change] of changes) {
          const at = place % (bytes.length + 1);
          if (change === 'set') bytes[at] = byte;
          else if (change === 'drop') bytes.splice(at, 1);
          else bytes.splice(at, 0, byte);
        }
        const mutated = Buffer.from(bytes);
        expect(run(cutBySizes(mutated, sizes))).toEqual(run([mutated]));
      }),
      { numRuns: 800 },
    );
  });
});
