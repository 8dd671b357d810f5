/** HOST:PORT with a name, an IPv4 address or an IPv6 address in brackets; null for anything else. */
export function parseHostAndPort(text: string): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) return null;
  return { host, port };
}

export function isHostAndPort(text: string): boolean {
  return parseHostAndPort(text) !== null;
}

/** As `parseHostAndPort` reads it. */
export function formatHostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
