import type { Connection } from '../http/connection.ts';
import type { Principal } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { MirroredHeaders } from '../protocol/agreement.ts';
import { type MirroredParameter, NO_PARAMETERS, type ToolFacts } from '../protocol/mirrored-parameters.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { TaskReference } from '../session/task-handles.ts';

/** Where a call came from, for the record. Filled from an exchange, or from a session for calls of the server's own. */
export interface CallOrigin {
  readonly decisionId: string;
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  /** A digest of the session id; the id itself is as good as a credential and is never recorded. */
  readonly sessionKey: string | undefined;
  readonly peer: string;
  readonly client: IpAddress | undefined;
  /** The same in its canonical spelling. */
  readonly clientAddress: string;
  readonly isLocalhost: boolean;
  /** Undefined where nobody called. */
  readonly connection: Connection | undefined;
  /** SHA-256 fingerprint of the client's own certificate, if it was verified. */
  readonly clientCertificate: string | undefined;
  readonly userAgent: string | undefined;
  readonly route: string;
  readonly httpMethod: string;
}

/** Where what a server asks of itself comes from: nobody called. */
export function originOfServer(id: string, sessionKey: string): CallOrigin {
  return {
    decisionId: id,
    requestId: id,
    clientRequestId: undefined,
    sessionKey,
    peer: '',
    client: undefined,
    clientAddress: '',
    clientCertificate: undefined,
    isLocalhost: false,
    connection: undefined,
    userAgent: undefined,
    route: 'server',
    httpMethod: '',
  };
}

/** What the gateway knows of the tools of one server, as one caller would see them. */
export interface ToolDirectory {
  /**
   * Whether the server lists the tool now. Asks the server (its list, never the tool) when it is not known yet.
   * Rejects with ProblemError when the list cannot be had.
   * @param waiter the call, which may be over before the answer is there
   */
  lists(name: string, waiter: object): boolean | Promise<boolean>;
  /**
   * What the list says of a tool; undefined when it is not on it. Asks the server only when it has never given its list.
   * Rejects with ProblemError when it does not give it then.
   * @param waiter the call, which may be over before the answer is there
   */
  facts(name: string, waiter: object): ToolFacts | undefined | Promise<ToolFacts | undefined>;
}

/** What a request of 2026-07-28 brings beside its body, and what was found out about it. One for each request. */
export class ModernFacts {
  readonly headers: MirroredHeaders;
  /** Of the tool that is called. Set by `mirrored-parameters`. */
  parameters: readonly MirroredParameter[] = NO_PARAMETERS;
  /** The task that is asked about. Set by `task-access`. */
  task: TaskReference | undefined = undefined;

  constructor(headers: MirroredHeaders) {
    this.headers = headers;
  }
}

/**
 * One MCP message to be judged, whichever way it travels: a POST, a member of a batch, a request of the server's own.
 */
export interface Call {
  readonly received: Message;
  readonly method: string;
  /** The tool, prompt, resource or task the message names. */
  readonly name: string | undefined;
  readonly principal: Principal;
  readonly server: string;
  readonly revision: Revision;
  readonly direction: 'client-to-server' | 'server-to-client';
  readonly origin: CallOrigin;
  /** Client capabilities in force: those of the session. Undefined on the modern era, where each request carries its own. */
  readonly capabilities: ReadonlySet<string> | undefined;
  readonly tools: ToolDirectory;
  /** Undefined on the older eras, and for what is not a request. */
  readonly modern?: ModernFacts | undefined;
  /** The rule that allowed the call. Set by `authorize`, recorded by `audit-intent`. */
  rule: string | undefined;
}
