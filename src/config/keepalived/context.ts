/** What every part of the lowering needs: where to report, and the file-wide settings that others fall back on. */
import type { IpAddress, Micros } from '../../base/index.ts';
import type { GarpSettings, ScriptCommand } from '../../model/index.ts';
import type { BoundBlock } from './bind.ts';
import { readCommand } from './commands.ts';
import type { Place, Reporter } from './report.ts';
import type { RouteNames } from './route-names.ts';

export interface Globals {
  readonly version: 2 | 3;
  readonly multicastGroup: IpAddress;
  readonly multicastGroup6: IpAddress;
  readonly garp: GarpSettings;
  /** Defaults of smtp_alert where a block has none. */
  readonly alerts: { readonly vrrp: boolean; readonly service: boolean; readonly server: boolean };
  readonly scriptUser?: string;
  readonly scriptGroup?: string;
  readonly startupDelay: Micros;
  readonly strict: boolean;
  readonly downTimerAdverts: number;
  readonly checkUnicastSource: boolean;
  readonly skipCheckAdvertisedAddresses: boolean;
  readonly checksumWithoutPseudoHeader: boolean;
  readonly lowerPriorityNoAdvert: boolean;
  readonly higherPrioritySendAdvert: boolean;
  readonly ownerIgnoreAdverts: boolean;
  readonly notifyPriorityChanges: boolean;
  readonly vmacPrefix: string;
  readonly defaultInterface: string;
}

/** A network interface that the configuration names, and where. */
export interface InterfaceUse {
  readonly interface: string;
  readonly place: Place;
}

export interface Context {
  readonly reporter: Reporter;
  readonly globals: Globals;
  readonly interfaces: InterfaceUse[];
  readonly names: RouteNames;
  /** How many rules have got a priority of ours so far. */
  readonly unnumberedRules: { count: number };
}

export function commandOf(block: BoundBlock, name: string, context: Context): ScriptCommand | undefined {
  const text = block.command(name);
  const { scriptUser, scriptGroup } = context.globals;
  return (
    text &&
    readCommand(
      text,
      { ...(scriptUser !== undefined && { user: scriptUser }), ...(scriptGroup !== undefined && { group: scriptGroup }) },
      context.reporter,
    )
  );
}
