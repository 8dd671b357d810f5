import { assert } from '../src/base/assert.ts';
import { FrameKind, FrameWriter, readMessages } from '../src/rpc/message-codec.ts';
import { MessageType, type Request, type Response } from '../src/rpc/messages.ts';
import { readRequest } from '../src/rpc/request-codec.ts';
import { readResponse } from '../src/rpc/response-codec.ts';
import { WireReader } from '../src/rpc/wire-reader.ts';

/** Length and kind of a frame. */
const FRAME_HEADER_BYTES = 5;

const reader = new WireReader();
const requests = new FrameWriter(FrameKind.requests);
const responses = new FrameWriter(FrameKind.responses);

function read<T>(writer: FrameWriter, decode: (reader: WireReader, type: number) => T | null): T {
  const frame = Buffer.from(writer.finish());
  writer.restart(true);
  let decoded: T | null = null;
  const whole = readMessages(frame, FRAME_HEADER_BYTES, frame.length, reader, {
    onMessage(_correlationId, type, body) {
      decoded = decode(body, type);
      return decoded !== null;
    },
  });
  assert(whole && decoded !== null, 'what the codec writes it reads');
  return decoded;
}

/** The request as it is after a trip over the real wire format. */
export function throughRequestCodec(request: Request): Request {
  assert(requests.addRequest(1, request), 'the request fits a message');
  return read(requests, readRequest);
}

/** The response as it is after a trip over the real wire format; LOST is never sent. */
export function throughResponseCodec(response: Response): Response {
  if (response.type === MessageType.lost) return response;
  assert(responses.addResponse(1, response), 'the response fits a message');
  return read(responses, readResponse);
}
