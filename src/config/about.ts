import { z } from 'zod';

/** What a setting says about itself besides its type. Everything generated reads this; nothing else names a setting. */
export type About = {
  /** One sentence for the reference, the editor and the example file. */
  description: string;
  /** A value a person could write, used in the example file; the default is used where there is no example. */
  example?: unknown;
  /** The value, or something it may hold, must never be printed. */
  secret?: true;
  /** A group around secrets: no text inside it is printed, for people put a secret in the wrong one of its keys. */
  guarded?: true;
  /** Environment names with the same meaning as the `SALLYPORT_…` name derived from the path. */
  aliases?: readonly string[];
  /** Written out in the example file although it may be left out. */
  shown?: true;
  /** Command line flag in commander's notation: `--port <number>`. */
  flag?: string;
  /** What to write, for faults: completes "expected …". Derived from the type when absent. */
  expected?: string;
  /** The default in words, where it is worked out at load. */
  fallback?: string;
};

/** The one register of settings metadata. A schema is in it exactly when it is a setting. */
export const about = z.registry<About>();
