const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_CHARACTERS = 36;
const NIL_UUID = '\0'.repeat(16);

/**
 * A UUID in text form, of any version, as the 16 latin1 characters that records keep; null if it is none. The nil UUID is
 * refused: whoever sends it has forgotten to make an id, and every later write would look like a repeat.
 */
export function parseRequestId(text: Buffer): string | null {
  if (text.length !== UUID_CHARACTERS) return null;
  const words = text.toString('latin1');
  if (!UUID.test(words)) return null;
  const id = Buffer.from(words.replaceAll('-', ''), 'hex').toString('latin1');
  return id === NIL_UUID ? null : id;
}

/** The text form, in lower case. */
export function formatRequestId(requestId: string): string {
  const hex = Buffer.from(requestId, 'latin1').toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
