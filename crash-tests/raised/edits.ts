/** A change that the next version of the program could make, as a replacement in one of its files. */
export interface Edit {
  /** Below `src`. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replacement: string;
}

/**
 * Version 2 of the protocol: each READ of many carries a mark behind what version 1 has, each answer to a COMMIT of many too,
 * and there is a new request, the probe, of which every 16th READ of many is followed. `globalThis.raised` counts.
 */
export const RAISED_WIRE: readonly Edit[] = [
  {
    file: 'rpc/protocol-table.ts',
    find: 'PROTOCOL_VERSIONS: ProtocolVersions = { min: 1, max: 1 };',
    replacement: 'PROTOCOL_VERSIONS: ProtocolVersions = { min: 1, max: 2 };',
  },
  {
    file: 'rpc/protocol-table.ts',
    find: "  request('nodeStatus', '-'),\n",
    replacement: `  request('nodeStatus', '-'),
  { name: 'probe', number: 63, direction: 'request', since: 2, body: '-' } as never,
  { name: 'probed', number: 127, direction: 'response', since: 2, body: '-' } as never,
`,
  },
  // The new field of a request.
  {
    file: 'rpc/request-codec.ts',
    find: '      return 5 + request.addresses.length * (ADDRESS_BYTES + 1);\n    case MessageType.prepareMany:',
    replacement: '      return 9 + request.addresses.length * (ADDRESS_BYTES + 1);\n    case MessageType.prepareMany:',
  },
  {
    file: 'rpc/request-codec.ts',
    find: '      writeWanted(writer, request.addresses, request.wants);\n      return;\n    // prepareMany :=',
    replacement: `      writeWanted(writer, request.addresses, request.wants);
      (globalThis as any).raised.writeMark(writer);
      return;
    // prepareMany :=`,
  },
  {
    file: 'rpc/request-codec.ts',
    find: '      return { type, load: reader.flag(), ...readWanted(reader) };',
    replacement: `      return (globalThis as any).raised.readMark(reader, { type, load: reader.flag(), ...readWanted(reader) });`,
  },
  // The new field of a response.
  {
    file: 'rpc/response-codec.ts',
    find: '      return 4 + response.acks.length;',
    replacement: '      return 8 + response.acks.length;',
  },
  {
    file: 'rpc/response-codec.ts',
    find: '      for (const ack of response.acks) writer.u8(ack);\n',
    replacement: `      for (const ack of response.acks) writer.u8(ack);
      (globalThis as any).raised.writeMark(writer);
`,
  },
  {
    file: 'rpc/response-codec.ts',
    find: '      return { type, acks: readAcks(reader) };',
    replacement: '      return (globalThis as any).raised.readMark(reader, { type, acks: readAcks(reader) });',
  },
  // The new request and its answer: nothing but their numbers.
  {
    file: 'rpc/request-codec.ts',
    find: '    case MessageType.nodeStatus:\n      return 0;',
    replacement: '    case 63 as never:\n    case MessageType.nodeStatus:\n      return 0;',
  },
  {
    file: 'rpc/request-codec.ts',
    find: '    case MessageType.nodeStatus:\n      return;',
    replacement: '    case 63 as never:\n    case MessageType.nodeStatus:\n      return;',
  },
  {
    file: 'rpc/request-codec.ts',
    find: '    case MessageType.nodeStatus:\n      return { type };',
    replacement: '    case 63 as never:\n    case MessageType.nodeStatus:\n      return { type };',
  },
  {
    file: 'rpc/response-codec.ts',
    find: '    case MessageType.acksMany:\n      return 8',
    replacement: '    case 127 as never:\n      return 0;\n    case MessageType.acksMany:\n      return 8',
  },
  {
    file: 'rpc/response-codec.ts',
    find: '    // acksMany := u8*\n    case MessageType.acksMany:\n',
    replacement: '    case 127 as never:\n      return;\n    // acksMany := u8*\n    case MessageType.acksMany:\n',
  },
  {
    file: 'rpc/response-codec.ts',
    find: '    case MessageType.acksMany:\n      return (globalThis',
    replacement:
      '    case 127 as never:\n      return { type } as never;\n    case MessageType.acksMany:\n      return (globalThis',
  },
  {
    file: 'rpc/node-peer.ts',
    find: '  send(request: Request, receiver: ResponseReceiver, tag: number): void {\n',
    replacement: `  send(request: Request, receiver: ResponseReceiver, tag: number): void {
    (globalThis as any).raised.probe(this, request);
`,
  },
  {
    file: 'storage/storage-node.ts',
    find: '      case MessageType.nodeStatus:\n        call.respond(',
    replacement: `      case 63 as never:
        call.respond({ type: 127 } as never);
        break;
      case MessageType.nodeStatus:
        call.respond(`,
  },
];

/** The next format of a storage node's directory. The program still reads the ones before. */
export const RAISED_DISK: readonly Edit[] = [
  {
    file: 'storage/node-files.ts',
    find: 'export const NODE_FORMAT_VERSION = 2;',
    replacement: 'export const NODE_FORMAT_VERSION = 3;',
  },
];

/** The file's text with its edits made, in their order. Throws where one does not find its place. */
export function edited(file: string, source: string, edits: readonly Edit[]): string {
  let text = source;
  for (const edit of edits) {
    if (edit.file !== file) continue;
    const parts = text.split(edit.find);
    if (parts.length !== 2)
      throw new Error(`src/${file} has ${parts.length - 1} times what is to be edited: ${edit.find}`);
    text = parts.join(edit.replacement);
  }
  return text;
}
