/** Why nothing can listen on host:port, and what to do; `option` is the one that chooses the port. */
export function listenProblem(error: unknown, host: string, port: number, option: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  if (code === 'EADDRINUSE') {
    return `port ${port} is in use: another program (a Redis, another junokv?) listens on ${place}. Stop it, or choose another port with ${option}.`;
  }
  if (code === 'EACCES') return `this user may not listen on ${place}; choose a port above 1023 with ${option}.`;
  if (code === 'EADDRNOTAVAIL') return `${host} is not an address of this machine.`;
  return `cannot listen on ${place}: ${error instanceof Error ? error.message : String(error)}`;
}

/** The same for a Unix socket. */
export function socketProblem(error: unknown, path: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return `${path} is in use: another program listens there, or it is no socket. Remove it, or choose another path with --unixsocket.`;
  }
  if (code === 'EACCES') return `this user may not make the socket ${path}; choose another path with --unixsocket.`;
  if (code === 'ENOENT')
    return `there is no directory for the socket ${path}; make it, or choose another path with --unixsocket.`;
  return `cannot listen on ${path}: ${error instanceof Error ? error.message : String(error)}`;
}
