import type { AuthenticationResult } from './authentication.ts';
import { type Challenges, compileChallenges } from './challenge.ts';
import type { AcceptedTokens, TokenRegistry } from './token-registry.ts';

/** Static tokens on one route: which it accepts, and how it asks for one. */
export class TokenAuthenticator {
  readonly #registry: TokenRegistry;
  readonly #accepted: AcceptedTokens;
  readonly #challenges: Challenges;

  /** @throws TypeError when the realm holds a character a header cannot carry */
  constructor(
    registry: TokenRegistry,
    accepted: AcceptedTokens,
    settings: { readonly realm?: string | undefined } = {},
  ) {
    this.#registry = registry;
    this.#accepted = accepted;
    this.#challenges = compileChallenges(settings);
  }

  authenticate(authorization: readonly string[]): AuthenticationResult {
    return this.#registry.authenticate(authorization, this.#accepted);
  }

  /** The `WWW-Authenticate` value for a caller that presented nothing, or nothing good. */
  challenge(problem: 'absent' | 'invalid'): string {
    return this.#challenges[problem];
  }
}
