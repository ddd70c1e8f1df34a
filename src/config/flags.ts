import { coerce, splitList } from './coerce.ts';
import { type Layer, lay, layerAt } from './layer.ts';
import { SETTINGS, type Setting } from './outline.ts';

/** One command line flag that sets one setting. */
export interface Flag {
  /** For commander's `option()`: `--public-url <url>`. */
  readonly notation: string;
  /** Without dashes: `public-url`. */
  readonly name: string;
  /** As commander stores it: `publicUrl`. */
  readonly attribute: string;
  readonly description: string;
  /** Setting path: `server.public_url`. */
  readonly path: string;
}

const withFlag = SETTINGS.filter(({ entry }) => entry.about?.flag !== undefined);

function flagOf({ entry, path }: Setting): Flag {
  const notation = entry.about?.flag as string;
  const name = notation.replace(/^--/, '').replace(/ .*$/, '');
  const attribute = name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return { notation, name, attribute, description: entry.about?.description as string, path };
}

/** Every flag that is a setting. `--config` is not one: it says where settings are. */
export const FLAGS: readonly Flag[] = withFlag.map(flagOf);

/** Settings given on the command line. Keys are flag names or commander attributes; undefined means not given. */
export function readFlags(given: Readonly<Record<string, unknown>>): Layer {
  let layer: Layer = { value: {}, origins: new Map() };
  for (const setting of withFlag) {
    const { name, attribute } = flagOf(setting);
    const value = given[name] ?? given[attribute];
    if (value === undefined) continue;
    const typed = typeof value !== 'string' ? value : setting.list ? splitList(value) : coerce(setting.entry, value);
    layer = lay(layer, layerAt(setting.keys, typed, { source: `flag --${name}` }));
  }
  return layer;
}
