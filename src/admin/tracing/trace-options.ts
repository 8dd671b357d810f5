import { type CommandName, type Option, textOption } from '../option.ts';

const LISTENING: readonly CommandName[] = ['start', 'proxy'];
const SHARE_DIGITS = 12;

/** Where traces go, and of which share of the commands. */
export const traceOptions = {
  traceEndpoint: {
    ...textOption(true, {
      summary:
        'Where traces of some commands are sent: the address of an OpenTelemetry collector for OTLP over HTTP in JSON, such as http://127.0.0.1:4318/v1/traces.',
      commands: LISTENING,
      defaultValue: '',
      defaultText: 'none: no command is traced',
      placeholder: 'URL',
      allowed: 'an address that begins with http:// or https://',
    }),
    parse(text) {
      if (text === '') return { ok: true, value: '' };
      const url = URL.parse(text);
      const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
      return isHttp && url.username === '' && url.password === '' ? { ok: true, value: text } : { ok: false };
    },
  } satisfies Option<string>,
  traceSample: {
    summary: 'The share of commands that are traced, with --trace-endpoint: 1 is all, 0.001 one of a thousand.',
    commands: LISTENING,
    defaultValue: 0.001,
    placeholder: 'SHARE',
    allowed: 'a number above 0 and up to 1, such as 0.001',
    parse(text) {
      const value = Number(text);
      const isPlain = /^(\d+(\.\d*)?|\.\d+)$/.test(text) && text.length <= SHARE_DIGITS;
      return isPlain && value > 0 && value <= 1 ? { ok: true, value } : { ok: false };
    },
  } satisfies Option<number>,
} as const;
