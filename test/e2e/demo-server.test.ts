import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { connectV1Stdio, connectV2Stdio, type TestClient } from '../support/clients.ts';

const demo = {
  command: process.execPath,
  args: [fileURLToPath(new URL('../../dist/servers/demo/main.js', import.meta.url))],
};
const lines = (word: string) => Array.from({ length: 500 }, (_, i) => `${word} ${i}`).join('\n');

describe.each([
  ['SDK v1', 'legacy', () => connectV1Stdio(demo)],
  ['SDK v2, which asks for the era', 'modern', () => connectV2Stdio(demo, 'auto')],
] as [string, string, () => Promise<TestClient>][])('the demo server and %s', (_, era, connect) => {
  it('agree on the era, list three described tools and call each', async () => {
    const client = await connect();
    expect(client.era).toBe(era);

    const tools = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(['convert_time', 'hash_text', 'compare_text']);
    expect(tools.every((tool) => (tool.description?.length ?? 0) > 40)).toBe(true);

    const time = { time: '2026-11-21T14:30', from: 'Europe/Berlin', to: ['Asia/Tokyo'] };
    expect((await client.callTool('convert_time', time)).structuredContent).toMatchObject({
      instant: '2026-11-21T13:30:00.000Z',
      times: [{ zone: 'Asia/Tokyo', local: '2026-11-21T22:30:00' }],
    });
    expect((await client.callTool('hash_text', { text: 'abc', algorithm: 'md5' })).structuredContent).toMatchObject({
      digest: '900150983cd24fb0d6963f7d28e17f72',
    });

    const seen: number[] = [];
    const texts = { before: lines('a'), after: lines('b') };
    const compared = await client.callTool('compare_text', texts, (progress) => seen.push(progress));
    expect(compared.structuredContent).toMatchObject({ equal: false, added: 500, removed: 500 });
    expect(seen).toEqual([250, 500]);
    await client.close();
  });

  it('treat a zone nobody knows as an error of the tool, and go on', async () => {
    const client = await connect();
    const refused = await client.callTool('convert_time', { time: 'now', from: 'Mars/Olympus', to: ['UTC'] });
    expect(refused.isError).toBe(true);
    expect(refused.content[0]?.text).toContain('Mars/Olympus');
    const answered = await client.callTool('convert_time', { time: 'now', from: 'UTC', to: ['UTC'] });
    expect(answered.isError ?? false).toBe(false);
    await client.close();
  });
});
