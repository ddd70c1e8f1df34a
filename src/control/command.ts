import type { z } from 'zod';
import type { PerimeterInForce } from '../perimeter/in-force.ts';
import type { Reported } from '../perimeter/reported.ts';
import type { PerimeterSummary } from '../perimeter/summary.ts';
import type { AddressRecords, Storage } from '../storage/storage.ts';

/** What a running gateway says about itself. */
export interface GatewayStatus {
  readonly pid: number;
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly started_at: string;
  readonly state_dir: string;
  readonly config_file: string | null;
  /** `server.public_url`. */
  readonly public_url: string | null;
  readonly listeners: readonly { readonly name: string; readonly url: string }[];
  readonly servers: readonly ServerStatus[];
  readonly open_streams: number;
  readonly sessions: number;
  readonly audit: { readonly enabled: boolean; readonly healthy: boolean };
  readonly perimeter: PerimeterSummary;
}

export interface ServerStatus {
  readonly id: string;
  readonly transport: string;
  /** `idle`, `up`, `down` or `crash-loop`. */
  readonly state: string;
  /** Live children (stdio) or open connections (HTTP). */
  readonly children: number;
  readonly last_error: string | null;
}

/** One change, for the audit record. Holds ids and names, and never a secret. */
export interface ControlEvent {
  readonly command: string;
  /** Ids of the tokens or entries it is about. */
  readonly ids: readonly string[];
  /** For people. */
  readonly summary: string;
}

/** What a running gateway does with entries for addresses. */
export interface PerimeterServices {
  /** What is put here is in force at once. */
  readonly addresses: Pick<AddressRecords, 'put' | 'list' | 'remove'>;
  /** Ends what is open of addresses that may no longer come. @returns how many calls and streams that were */
  endDenied(): number;
  /** Whether an allowance means anything. */
  hasAllowList(): boolean;
  /** False where denials are only reported. */
  isEnforced(): boolean;
  /** By what requests to the main listener are judged now. */
  explaining(): { readonly perimeter: PerimeterInForce; readonly isListIgnored: boolean };
  /** What report-only mode let pass since the start, most first. */
  reported(): readonly Reported[];
}

/** What commands work on. */
export interface ControlServices {
  readonly storage: Storage;
  /** The running gateway's index of tokens; undefined when the command line works on the store alone. */
  readonly registry: { refresh(): Promise<void> } | undefined;
  /** The running gateway's address book and what follows from it; undefined when the command line works on the store alone. */
  readonly perimeter: PerimeterServices | undefined;
  /** Undefined when no gateway runs. */
  readonly status: (() => GatewayStatus) | undefined;
  /** Ids of the configured servers, to warn of misspelt ones; undefined when they are not known. */
  readonly serverIds: (() => readonly string[]) | undefined;
  /**
   * Writes the audit record of a change. Called before a credential is made, which therefore is not made when this
   * fails; but after one is revoked: a broken record must not keep a leaked token alive.
   */
  record(event: ControlEvent): void | Promise<void>;
}

export type CommandFault =
  /** The input is not what the command takes. */
  | 'invalid'
  | 'not-found'
  /** It clashes with what is there. */
  | 'conflict'
  /** It could not be carried out. */
  | 'failed';

/** A command that was refused; the message is for the operator and names the remedy. */
export class CommandError extends Error {
  readonly code: CommandFault;

  constructor(code: CommandFault, message: string) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
  }
}

/** One command: what it takes, and what it does with it. */
export interface Command<Input extends z.ZodType, Result> {
  readonly input: Input;
  run(input: z.output<Input>, services: ControlServices): Result | Promise<Result>;
}

export function command<Input extends z.ZodType, Result>(
  input: Input,
  run: (input: z.output<Input>, services: ControlServices) => Result | Promise<Result>,
): Command<Input, Result> {
  return { input, run };
}

/** @throws CommandError `invalid`, naming every member that is wrong */
export function readInput<Input extends z.ZodType>(schema: Input, input: unknown): z.output<Input> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new CommandError('invalid', faults.join('; '));
}
