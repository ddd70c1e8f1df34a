import { describe, expect, it } from 'vitest';
import { keptInputs } from '../../fuzz/inputs.ts';
import { gatewayTarget } from '../../fuzz/targets/gateway.ts';
import { runJob } from '../../fuzz/work.ts';

const INPUTS = 1_000;

describe('requests nobody wrote', () => {
  // The longer run is `npm run fuzz -- --target gateway`.
  it('are answered by what the catalogue knows, and never stop the gateway or reach the server broken', async () => {
    const kept = keptInputs(process.cwd(), 'gateway');
    expect(kept.length).toBeGreaterThan(0);
    const job = { target: 'gateway', seed: 20_260_728, from: 0, to: INPUTS };
    expect(await runJob(gatewayTarget, kept, job, () => {})).toEqual([]);
  });
});
