/** What operators read for the codes of Node and OpenSSL that handshakes end with. */
const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE|RECORD_TOO|BAD_RECORD|HTTPS_PROXY/,
    'what came is no TLS',
  ],
  [/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS/, 'no TLS version that both ends take'],
  [/NO_SHARED_CIPHER|HANDSHAKE_FAILURE/, 'no ciphers that both ends take'],
  [/DID_NOT_RETURN_A_CERTIFICATE|ALERT_CERTIFICATE_REQUIRED/, 'no certificate was shown'],
  [/ALERT_CERTIFICATE_EXPIRED/, 'the other end says that our certificate has expired'],
  [/ALERT_UNKNOWN_CA/, 'the other end does not know the CA of our certificate'],
  [/ALERT/, 'the other end refused our certificate or the connection'],
  [/CERT_HAS_EXPIRED/, 'the certificate has expired'],
  [/CERT_NOT_YET_VALID/, 'the certificate is not valid yet'],
  [/INVALID_PURPOSE/, 'the certificate is for another purpose'],
  [/ALTNAME_INVALID/, 'the certificate is for another host'],
  [/CERT_SIGNATURE_FAILURE|UNABLE_TO|SELF_SIGNED|UNTRUSTED|INVALID_CA/, 'the certificate is not of our CA'],
  [/HANDSHAKE_TIMEOUT/, 'it took too long'],
  [/ECONNRESET|EPIPE|socket hang up/, 'the other end closed the connection'],
];

/** In words, with the code behind it: 'the certificate has expired (CERT_HAS_EXPIRED)'. */
export function tlsProblem(code: string, otherwise = code): string {
  const found = PROBLEMS.find(([pattern]) => pattern.test(code));
  return found === undefined ? otherwise : `${found[1]} (${code})`;
}

/** Of an error that ended a connection which was to become TLS. */
export function tlsErrorText(error: Error): string {
  return 'code' in error && typeof error.code === 'string' && !isNetworkCode(error.code)
    ? tlsProblem(error.code, error.message)
    : error.message;
}

/** Whether the two ends do not agree, as opposed to a network that failed. */
export function isTlsRefusal(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && !isNetworkCode(error.code);
}

/** ECONNREFUSED and the like; OpenSSL's and Node's own codes have underlines. */
function isNetworkCode(code: string): boolean {
  return /^E[A-Z0-9]+$/.test(code);
}
