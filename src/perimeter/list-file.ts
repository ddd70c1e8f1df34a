import { readFile } from 'node:fs/promises';
import { networkOf } from '../net/cidr.ts';
import { type CidrSet, cidrSetOf } from '../net/cidr-set.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { type NetworkLines, readNetworkText } from '../net/network-text.ts';
import { inSlices } from '../net/slices.ts';
import type { ListedEntry, ListPart } from './address-list.ts';

/** Faults of one file that are told; who has a thousand wants to know of the first few. */
const TOLD = 5;

/** A file of addresses and networks, as it was when it was read. */
export class ListFile implements ListPart {
  readonly size: number;
  private readonly path: string;
  private readonly set: CidrSet;
  private readonly lines: NetworkLines;

  private constructor(path: string, set: CidrSet, lines: NetworkLines) {
    this.path = path;
    this.set = set;
    this.lines = lines;
    this.size = set.size;
  }

  /**
   * Reads and compiles in slices: requests are served meanwhile.
   * @param setting its place in the configuration, for faults
   * @throws Error naming the setting, the file and the lines. One bad line is enough: it may be the one that was to deny
   *   somebody. So is a file without any entry: it may have been cut.
   */
  static async read(setting: string, path: string): Promise<ListFile> {
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (error) {
      throw new Error(
        `${setting} = ${path} cannot be read (${(error as NodeJS.ErrnoException).code}). Name a file that can.`,
      );
    }
    const { columns, lines, faults, faultCount } = await inSlices(readNetworkText(bytes));
    if (faultCount > 0) {
      const told = faults
        .slice(0, TOLD)
        .map(({ line, text, fault, remedy }) => `${path}:${line}: "${text}" ${fault}. ${remedy}`);
      const more = faultCount > TOLD ? `\n  and ${faultCount - TOLD} more` : '';
      throw new Error(`${setting} cannot be used:\n  ${told.join('\n  ')}${more}`);
    }
    if (columns.length === 0)
      throw new Error(
        `${setting} = ${path} holds no address and no network. Write one a line, or [] for an empty list.`,
      );
    return new ListFile(path, await inSlices(cidrSetOf(columns)), lines);
  }

  find(address: IpAddress): ListedEntry | undefined {
    const index = this.set.find(address);
    if (index === -1) return undefined;
    return {
      cidr: networkOf(address, this.lines.prefixOf(index)),
      place: `${this.path}:${this.lines.lineOf(index)}`,
      note: this.lines.noteOf(index),
      expiresAt: undefined,
    };
  }
}
