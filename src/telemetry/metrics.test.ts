import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const words = {
  routes: ['mcp', 'health'],
  servers: ['crm', 'search'],
  policies: ['authorize'],
  reasons: ['role', 'no-rule'],
};

async function lines(metrics: { render(): Promise<string> }, name: string): Promise<string[]> {
  return (await metrics.render()).split('\n').filter((line) => line.startsWith(`sallyport_${name}`));
}

describe('metrics', () => {
  it('counts requests by route, method and status class', async () => {
    const metrics = createMetrics(words, { runtime: false });
    metrics.requests('mcp', 'POST', '2xx');
    metrics.requests('mcp', 'POST', '2xx');
    metrics.requests('health', 'GET', '5xx');
    expect(await lines(metrics, 'requests_total')).toEqual([
      'sallyport_requests_total{route="mcp",method="POST",status="2xx"} 2',
      'sallyport_requests_total{route="health",method="GET",status="5xx"} 1',
    ]);
  });

  it('counts verdicts by policy, reason and outcome', async () => {
    const metrics = createMetrics(words, { runtime: false });
    metrics.verdict('authorize', 'role', 'allow');
    metrics.verdict('authorize', 'no-rule', 'deny');
    expect(await lines(metrics, 'verdicts_total')).toEqual([
      'sallyport_verdicts_total{policy="authorize",reason="role",outcome="allow"} 1',
      'sallyport_verdicts_total{policy="authorize",reason="no-rule",outcome="deny"} 1',
    ]);
  });

  it('sorts call durations into cumulative buckets', async () => {
    const metrics = createMetrics(words, { runtime: false });
    metrics.callDuration('crm', 0.001);
    metrics.callDuration('crm', 0.2);
    metrics.callDuration('crm', 100);
    const text = await metrics.render();
    expect(text).toContain('# TYPE sallyport_call_duration_seconds histogram');
    expect(text).toContain('sallyport_call_duration_seconds_bucket{le="0.001",server="crm"} 1\n');
    expect(text).toContain('sallyport_call_duration_seconds_bucket{le="0.25",server="crm"} 2\n');
    expect(text).toContain('sallyport_call_duration_seconds_bucket{le="60",server="crm"} 2\n');
    expect(text).toContain('sallyport_call_duration_seconds_bucket{le="+Inf",server="crm"} 3\n');
    expect(text).toContain('sallyport_call_duration_seconds_count{server="crm"} 3');
  });

  it('follows gauges up and down and shows one state a server', async () => {
    const metrics = createMetrics(words, { runtime: false });
    metrics.streamsOpen('sse', 1);
    metrics.streamsOpen('sse', 1);
    metrics.streamsOpen('sse', -1);
    metrics.children('crm', 4);
    metrics.children('crm', 2);
    metrics.upstreamState('crm', 'up');
    metrics.upstreamState('crm', 'down');
    expect(await lines(metrics, 'streams_open')).toEqual(['sallyport_streams_open{kind="sse"} 1']);
    expect(await lines(metrics, 'children')).toEqual(['sallyport_children{server="crm"} 2']);
    expect((await lines(metrics, 'upstream_state')).filter((line) => line.endsWith(' 1'))).toEqual([
      'sallyport_upstream_state{server="crm",state="down"} 1',
    ]);
  });

  it('shows audit counters from the start, so a rate can be taken of the first failure', async () => {
    const metrics = createMetrics({}, { runtime: false });
    expect(await lines(metrics, 'audit_')).toEqual([
      'sallyport_audit_failures_total 0',
      'sallyport_audit_records_total 0',
    ]);
    metrics.auditRecords(3);
    metrics.auditFailures();
    expect(await lines(metrics, 'audit_')).toEqual([
      'sallyport_audit_failures_total 1',
      'sallyport_audit_records_total 3',
    ]);
  });

  it('counts everything it does not know as other, and a word it was taught under its name', async () => {
    const metrics = createMetrics(words, { runtime: false });
    for (let i = 0; i < 10_000; i++) {
      metrics.requests(`/made/up/${i}`, `M${i}`, `${i}`);
      metrics.verdict(`p\n${i}`, `r${i}`, 'deny');
      metrics.callDuration(`s${i}`, 1);
    }
    expect(await lines(metrics, 'requests_total')).toEqual([
      'sallyport_requests_total{route="other",method="other",status="other"} 10000',
    ]);
    expect(await lines(metrics, 'verdicts_total')).toEqual([
      'sallyport_verdicts_total{policy="other",reason="other",outcome="deny"} 10000',
    ]);
    metrics.know({ servers: ['new'] });
    metrics.callDuration('new', 1);
    expect(await lines(metrics, 'call_duration_seconds_count')).toEqual([
      'sallyport_call_duration_seconds_count{server="other"} 10000',
      'sallyport_call_duration_seconds_count{server="new"} 1',
    ]);
  });

  it('never keeps more than 500 combinations of one metric, and loses no count beyond', async () => {
    const reasons = Array.from({ length: 2000 }, (_, i) => `r${i}`);
    const metrics = createMetrics({ ...words, reasons }, { runtime: false });
    for (const reason of reasons) metrics.verdict('authorize', reason, 'deny');
    const found = await lines(metrics, 'verdicts_total');
    expect(found).toHaveLength(500);
    expect(found.at(-1)).toBe('sallyport_verdicts_total{policy="other",reason="other",outcome="other"} 1501');
  });

  it('adds the figures of Node itself under our prefix, in a registry of its own', async () => {
    const first = await createMetrics().render();
    const second = await createMetrics().render();
    expect(first).toContain('sallyport_nodejs_eventloop_lag_seconds');
    expect(second).toContain('sallyport_process_cpu_seconds_total');
  });
});
