/** Q = floor(N/2)+1: any two quorums of N share a node (protocol §1). */
export function majority(nodes: number): number {
  return Math.floor(nodes / 2) + 1;
}
