/** The protocol revisions this gateway carries, newest first. 2024-11-05 came with a transport of its own, HTTP+SSE. */
export const REVISIONS = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
export type Revision = (typeof REVISIONS)[number];

/**
 * **modern**: 2026-07-28 and later, every request carries its own metadata.
 * **legacy**: 2025-11-25 and earlier, `initialize` opens a session.
 * (MCP 2026-07-28, basic/versioning, "Terminology")
 */
export type Era = 'modern' | 'legacy';

export const MODERN_REVISIONS = ['2026-07-28'] as const satisfies readonly Revision[];
export const LEGACY_REVISIONS = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
] as const satisfies readonly Revision[];

const eras = new Map<string, Era>([
  ...MODERN_REVISIONS.map((revision) => [revision, 'modern'] as const),
  ...LEGACY_REVISIONS.map((revision) => [revision, 'legacy'] as const),
]);

/** The era of a revision named on the wire; undefined when it is not one we speak. */
export function eraOf(revision: string): Era | undefined {
  return eras.get(revision);
}

export function isRevision(text: string): text is Revision {
  return eras.has(text);
}
