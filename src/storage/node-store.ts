/** The durable things of a node that are not records (protocol §2). Callbacks get null once it survives a loss of power. */
export interface NodeStore {
  /** The last durable ceiling, microseconds; 0 on a new disk. */
  readonly ceilingUs: number;
  saveCeiling(ceilingUs: number, callback: (error: Error | null) => void): void;
  /** The highest cluster map that this node has adopted, as its canonical text. */
  saveMap(text: string, callback: (error: Error | null) => void): void;
}
