/** The counters in the form of keepalived 2.2.7's `keepalived.stats`, which exporters read. */
import type { RouterSnapshot } from '../../../vrrp/index.ts';

/** keepalived's counters of what was wrong; those that it does not have are counted under the nearest one. */
export interface ErrorCounts {
  readonly length: number;
  readonly ttl: number;
  readonly type: number;
  readonly interval: number;
  readonly addresses: number;
  readonly authUnknown: number;
  readonly authMismatch: number;
  readonly authFailure: number;
}

export function errorCounts({ counters: { rejected } }: RouterSnapshot): ErrorCounts {
  const sum = (...reasons: readonly (keyof typeof rejected)[]): number =>
    reasons.reduce((total, reason) => total + (rejected[reason] ?? 0), 0);
  return {
    length: sum('length'),
    ttl: sum('ttl'),
    type: sum('type'),
    interval: sum('interval'),
    addresses: sum('addresses'),
    authUnknown: sum('auth-unknown'),
    authMismatch: sum('auth-type', 'ah-presence'),
    authFailure: sum('auth-data', 'ah-spi', 'ah-digest', 'ah-replay'),
  };
}

export function formatStats(routers: readonly RouterSnapshot[]): string {
  return routers.map(formatRouter).join('');
}

function formatRouter(router: RouterSnapshot): string {
  const { counters } = router;
  const errors = errorCounts(router);
  return `VRRP Instance: ${router.name}
  Advertisements:
    Received: ${counters.advertsReceived}
    Sent: ${counters.advertsSent}
  Became master: ${counters.becameActive}
  Released master: ${counters.releasedActive}
  Packet Errors:
    Length: ${errors.length}
    TTL: ${errors.ttl}
    Invalid Type: ${errors.type}
    Advertisement Interval: ${errors.interval}
    Address List: ${errors.addresses}
  Authentication Errors:
    Invalid Type: ${errors.authUnknown}
    Type Mismatch: ${errors.authMismatch}
    Failure: ${errors.authFailure}
  Priority Zero:
    Received: ${counters.priorityZeroReceived}
    Sent: ${counters.priorityZeroSent}
`;
}
