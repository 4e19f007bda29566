/** The checks' state for `status`. */
import type { RealServerKey, ServiceKey } from '../model/index.ts';
import type { CheckVerdict } from './dialogue.ts';

export interface CheckSnapshot {
  /** keepalived's name for the kind: `HTTP_CHECK`, `SSL_CHECK`, `MISC_CHECK` … */
  readonly name: string;
  readonly verdict: CheckVerdict;
  /** Why, for a person. */
  readonly reason: string;
  /** Failures since the last success that have not made it `down` yet. */
  readonly retries: number;
}

/** A real server of one service with its checks in file order; those that follow something come last. */
export interface CheckedServerSnapshot {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
  /** No checks run, because the VIP is not on this host (`ha_suspend`). */
  readonly suspended: boolean;
  readonly checks: readonly CheckSnapshot[];
}
