/** Names of the needs of a purpose (`test`, `clients`...) that this machine lacks. */
export function missingNeeds(purpose: string): string[];
