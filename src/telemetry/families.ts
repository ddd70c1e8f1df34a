import type { Registry } from 'prom-client';

/** Prometheus' own limit of good sense: more label combinations than this in one metric and it stops being a metric. */
export const MAX_COMBINATIONS = 500;

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** One label combination of a counter or a gauge. Keep it, and a count costs one addition. */
export interface Cell {
  value: number;
}

/** One label combination of a histogram: a count per bucket (the last one is +Inf) and the sum of what was seen. */
export interface HistogramCell {
  readonly counts: Float64Array;
  sum: number;
}

/**
 * The label combinations of one metric, found by a single string.
 *
 * prom-client hashes a label object on every increment; here the objects are built only when somebody scrapes.
 * The key must name the combination completely: two combinations under one key would be counted as one.
 */
abstract class Family<C> {
  readonly name: string;
  readonly labelNames: readonly string[];
  readonly #cells = new Map<string, { readonly cell: C; readonly labels: Record<string, string> }>();

  constructor(registry: Registry, type: string, name: string, help: string, labelNames: readonly string[]) {
    this.name = name;
    this.labelNames = labelNames;
    const metric = {
      name,
      help,
      type,
      aggregator: 'sum',
      get: async () => ({ name, help, type, values: this.samples() }),
    };
    // prom-client's registry asks a metric for its name and get() only; its type asks for its own class.
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }

  /** The cell already made under this key; undefined means `add` must be asked. */
  find(key: string): C | undefined {
    return this.#cells.get(key)?.cell;
  }

  /** Makes the cell for these label values, or returns the one shared by everything beyond the limit. */
  add(key: string, values: readonly string[]): C {
    const full = this.#cells.size >= MAX_COMBINATIONS - 1;
    const name = full ? OVERFLOW : key;
    const existing = this.#cells.get(name);
    if (existing !== undefined) return existing.cell;
    const labels = Object.fromEntries(
      this.labelNames.map((label, i) => [label, full ? 'other' : (values[i] ?? 'other')]),
    );
    const cell = this.create();
    this.#cells.set(name, { cell, labels });
    return cell;
  }

  samples(): Sample[] {
    const samples: Sample[] = [];
    for (const { cell, labels } of this.#cells.values()) this.sample(cell, labels, samples);
    return samples;
  }

  protected abstract create(): C;
  protected abstract sample(cell: C, labels: Record<string, string>, into: Sample[]): void;
}

const OVERFLOW = '\u0000overflow';

export class CellFamily extends Family<Cell> {
  protected override create(): Cell {
    return { value: 0 };
  }

  protected override sample(cell: Cell, labels: Record<string, string>, into: Sample[]): void {
    into.push({ labels, value: cell.value });
  }
}

export class HistogramFamily extends Family<HistogramCell> {
  readonly #bounds: readonly number[];

  /** @param bounds upper bounds in ascending order, without +Inf */
  constructor(
    registry: Registry,
    name: string,
    help: string,
    labelNames: readonly string[],
    bounds: readonly number[],
  ) {
    super(registry, 'histogram', name, help, labelNames);
    this.#bounds = bounds;
  }

  observe(cell: HistogramCell, value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    cell.counts[bucket]! += 1;
    cell.sum += value;
  }

  protected override create(): HistogramCell {
    return { counts: new Float64Array(this.#bounds.length + 1), sum: 0 };
  }

  protected override sample(cell: HistogramCell, labels: Record<string, string>, into: Sample[]): void {
    let total = 0;
    for (let i = 0; i <= this.#bounds.length; i++) {
      total += cell.counts[i]!;
      into.push({
        metricName: `${this.name}_bucket`,
        labels: { le: this.#bounds[i] ?? '+Inf', ...labels },
        value: total,
      });
    }
    into.push({ metricName: `${this.name}_sum`, labels, value: cell.sum });
    into.push({ metricName: `${this.name}_count`, labels, value: total });
  }
}
