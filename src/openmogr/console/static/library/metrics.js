/** What `/-/metrics` tells, taken apart (Prometheus' text format 0.0.4). */

/** @typedef {{name: string, labels: Record<string, string>, value: number}} Sample */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** @param {string} words @returns {Sample[]} */
export function samples(words) {
  const found = [];
  for (const line of words.split('\n')) {
    const match = line.startsWith('#') ? null : LINE.exec(line);
    if (match) {
      const labels = Object.fromEntries(
        Array.from((match[2] ?? '').matchAll(LABEL), ([, name, value]) => [name, value]),
      );
      found.push({ name: match[1], labels, value: Number(match[3]) });
    }
  }
  return found;
}

/**
 * The sum of all samples of a name with these labels.
 * @param {Sample[]} all
 * @param {string} name
 * @param {Record<string, string>} [labels]
 */
export function total(all, name, labels = {}) {
  return all
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, sample) => sum + sample.value, 0);
}

/**
 * Sums by the value of a label, in the order in which values come.
 * @param {Sample[]} all
 * @param {string} name
 * @param {string} label
 */
export function byLabel(all, name, label) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const sample of all) {
    const value = sample.labels[label];
    if (sample.name === name && value !== undefined) sums.set(value, (sums.get(value) ?? 0) + sample.value);
  }
  return sums;
}

/**
 * The time, in seconds, under which a part of requests stays, by the bounds of the histogram.
 * @param {Sample[]} all
 * @param {string} name of the histogram
 * @param {number} part from 0 to 1
 */
export function quantile(all, name, part) {
  const bounds = [...byLabel(all, `${name}_bucket`, 'le')].map(([bound, count]) => [
    Number(bound.replace('+Inf', 'Infinity')),
    count,
  ]);
  bounds.sort(([one], [other]) => one - other);
  const wanted = (bounds.at(-1)?.[1] ?? 0) * part;
  return wanted ? (bounds.find(([, count]) => count >= wanted)?.[0] ?? null) : null;
}
