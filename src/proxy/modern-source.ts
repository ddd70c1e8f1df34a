import type { LaneToolDirectory } from '../catalog/tool-directory.ts';
import type { Principal } from '../identity/principal.ts';
import type { Problem } from '../problem/problem.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { Lane } from '../upstream/lane.ts';
import type { ForwardedCall, LaneSource } from './forwarded-call.ts';
import type { Estate, ServerPlan } from './services.ts';

/** Modern requests carry everything with them: a lane for the call, given back when it is over. */
export class ModernSource implements LaneSource {
  private readonly estate: Estate;
  private readonly plan: ServerPlan;
  private readonly principal: Principal;
  private readonly revision: Revision;

  constructor(estate: Estate, plan: ServerPlan, principal: Principal, revision: Revision) {
    this.estate = estate;
    this.plan = plan;
    this.principal = principal;
    this.revision = revision;
  }

  get tools(): LaneToolDirectory {
    return this.estate.directories.of(this.principal, this.plan, this.revision);
  }

  lane(): Promise<Lane> {
    return this.plan.upstream.lease({
      principal: this.principal.id,
      era: 'modern',
      revision: this.revision,
      session: undefined,
    });
  }

  begin(): void {}

  /** 2026-07-28 has no server-to-client requests on a response stream: a violation, dropped. */
  asked(): boolean {
    return true;
  }

  withdrawn(): void {}

  astray(): void {}

  settling(): Problem | undefined {
    return undefined;
  }

  lost(lane: Lane | undefined): void {
    lane?.release();
  }

  finished(_call: ForwardedCall, lane: Lane | undefined): void {
    lane?.release();
  }
}
