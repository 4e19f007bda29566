/** What the engine is told to run. */
import type { Micros } from '../base/index.ts';
import type { SyncGroup, VirtualRouter, VrrpScript } from '../model/index.ts';

/**
 * All virtual routers of one process. A reload hands over a whole new value; the engine finds the differences itself.
 * A router is the same one across a reload when interface and VRID are equal, whatever its name (keepalived's rule).
 */
export interface VrrpSettings {
  readonly routers: readonly VirtualRouter[];
  readonly groups: readonly SyncGroup[];
  readonly scripts: readonly VrrpScript[];
  /** No router becomes active before this long after `start` (`vrrp_startup_delay`). */
  readonly startupDelay: Micros;
}
