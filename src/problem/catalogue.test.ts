import { describe, expect, it } from 'vitest';
import { PROBLEMS } from './catalogue.ts';
import { ProblemError, particular } from './problem.ts';

const all = Object.entries(PROBLEMS);
const own = all.map(([, problem]) => problem).filter(({ rpcCode }) => rpcCode > 0);

describe('the catalogue', () => {
  it('calls each problem by its own code', () => {
    for (const [name, { code }] of all) expect(code).toBe(name);
  });

  it('gives every problem an HTTP error status and a text, but those that answer in band', () => {
    for (const { code, status, text } of Object.values(PROBLEMS)) {
      if (code === 'UNKNOWN_TOOL' || code === 'UNKNOWN_TASK') expect(status).toBe(200);
      else expect(status, code).toBeGreaterThanOrEqual(400);
      expect(text, code).toMatch(/^[A-Z][^\n]+[^.]$/);
    }
  });

  it('numbers its own codes once each', () => {
    const numbers = own.map(({ rpcCode }) => rpcCode);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('numbers its own codes after their HTTP status, outside what JSON-RPC and MCP reserve', () => {
    for (const { code, rpcCode, status } of own) expect(Math.floor(rpcCode / 100), code).toBe(status);
  });

  it('uses a reserved code only where JSON-RPC or MCP defines it', () => {
    const defined = [-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022];
    for (const [, { code, rpcCode }] of all) if (rpcCode <= 0) expect(defined, code).toContain(rpcCode);
  });

  it('names the codes of MCP 2026-07-28 and JSON-RPC as those documents do', () => {
    const code = (name: keyof typeof PROBLEMS) => [PROBLEMS[name].rpcCode, PROBLEMS[name].status];
    expect(code('PARSE_ERROR')).toEqual([-32700, 400]);
    expect(code('INVALID_REQUEST')).toEqual([-32600, 400]);
    expect(code('METHOD_NOT_FOUND')).toEqual([-32601, 404]);
    expect(code('INVALID_PARAMS')).toEqual([-32602, 400]);
    expect(code('INTERNAL')).toEqual([-32603, 500]);
    expect(code('HEADER_MISMATCH')).toEqual([-32020, 400]);
    expect(code('MISSING_CLIENT_CAPABILITY')).toEqual([-32021, 400]);
    expect(code('UNSUPPORTED_PROTOCOL_VERSION')).toEqual([-32022, 400]);
  });

  it('answers eras that do not meet with a code no dual-era client takes for a signal', () => {
    expect(PROBLEMS.ERA_MISMATCH).toMatchObject({ status: 400, rpcCode: 40001 });
  });

  it('says nothing of paths, addresses or settings', () => {
    for (const [, { text }] of all) expect(text).not.toMatch(/[/\\]\w+[/\\]|\d+\.\d+|\w+_\w+|::/);
  });
});

describe('a problem about a particular', () => {
  it('keeps its code and status, and changes nothing in the catalogue', () => {
    const problem = particular(PROBLEMS.UNKNOWN_TOOL, 'Unknown tool: x', { hint: 1 });
    expect(problem).toEqual({ ...PROBLEMS.UNKNOWN_TOOL, text: 'Unknown tool: x', data: { hint: 1 } });
    expect(PROBLEMS.UNKNOWN_TOOL.text).toBe('Unknown tool');
    expect(particular(PROBLEMS.INTERNAL, 'x')).not.toHaveProperty('data');
  });

  it('that is thrown shows its public text and keeps the rest apart', () => {
    const error = new ProblemError(PROBLEMS.UPSTREAM_REFUSED, 'ECONNREFUSED 10.0.0.1:80');
    expect(error.message).toBe(PROBLEMS.UPSTREAM_REFUSED.text);
    expect(error.detail).toBe('ECONNREFUSED 10.0.0.1:80');
    expect(new ProblemError(PROBLEMS.INTERNAL).detail).toBe(PROBLEMS.INTERNAL.text);
  });
});
