import type { PrincipalId } from '../identity/principal.ts';

/** How many long-lived streams each principal holds. A stream takes a place when it opens and gives it back when it ends. */
export class StreamQuota {
  private readonly held = new Map<PrincipalId, number>();
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** Takes a place; false when the principal has no more. */
  take(principal: PrincipalId): boolean {
    const held = this.held.get(principal) ?? 0;
    if (held >= this.max) return false;
    this.held.set(principal, held + 1);
    return true;
  }

  giveBack(principal: PrincipalId): void {
    const left = (this.held.get(principal) ?? 1) - 1;
    if (left <= 0) this.held.delete(principal);
    else this.held.set(principal, left);
  }
}
