const FAMILY = /^# (?:HELP|TYPE) (\S+)/;

interface Family {
  readonly about: string[];
  readonly samples: string[];
}

/**
 * One text in Prometheus's format out of those of several processes, whose samples differ by a label: what belongs to one metric
 * has to stand together.
 */
export function mergedMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) {
    let family: Family | null = null;
    let isNew = false;
    let name = '';
    for (const line of text.split('\n')) {
      const [, told] = FAMILY.exec(line) ?? [];
      if (told !== undefined && told !== name) {
        name = told;
        isNew = !families.has(name);
        family = families.get(name) ?? { about: [], samples: [] };
        families.set(name, family);
      }
      if (line === '' || family === null) continue;
      if (told === undefined) family.samples.push(line);
      else if (isNew) family.about.push(line);
    }
  }
  const blocks = Array.from(families.values(), ({ about, samples }) => [...about, ...samples].join('\n'));
  return `${blocks.join('\n\n')}\n`;
}
