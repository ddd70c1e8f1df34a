import type { Path } from './path.ts';
import type { SettingsInput } from './schema/settings.ts';

export type Partly<T> = T extends readonly (infer Item)[]
  ? readonly (Partly<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Partly<T[Key]> | undefined }
    : T;

/** Settings from all layers, without the parts that are already known to be wrong. Everything may be missing. */
export type Draft = Partly<SettingsInput>;

export type Report = (path: Path, problem: string, remedy?: string, suggestion?: string) => void;

/** Looks at more than one setting. */
export type Rule = (draft: Draft, report: Report) => void;
