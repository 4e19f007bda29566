/** What the real-server tool asks of the host it runs on. The plan is pure; this is all that is not. */
import type { IpAddress } from '../../base/index.ts';
import type { HostState } from './host-state.ts';
import type { ToaReader } from './toa.ts';
import type { Decapsulator } from './tunnel.ts';

export interface RealServerHost {
  /** Runs alone: a second call on the same host waits until the first is done. */
  exclusively<T>(run: () => T): T;
  state(): HostState;
  /** The interface by which packets from that address come, if routes are the same both ways; undefined when it cannot be reached. */
  interfaceTowards(address: IpAddress): string | undefined;
  setSysctl(name: string, value: string): void;
  addAddress(address: IpAddress, label: string | undefined): void;
  removeAddress(address: IpAddress, label: string | undefined): void;
  /** Puts our program on what the interface receives, or in the place of the one that is there. */
  attachDecapsulator(interfaceName: string, settings: Decapsulator): void;
  /** Takes it off; and the discipline that it is on, if that is asked and nobody else's filter is left there. */
  detachDecapsulator(interfaceName: string, withDiscipline: boolean): void;
  /** Lets servers of this network namespace know their clients behind full NAT; or changes by whom they are told. */
  attachToaReader(wanted: ToaReader): void;
  detachToaReader(): void;
  /** The text of the record; undefined when there is none. */
  loadRecord(): string | undefined;
  /** Replaces the record at once and durably: a reader finds the old one or the new one, whole. */
  saveRecord(text: string): void;
  deleteRecord(): void;
  /** Where the record is, for messages. */
  readonly recordPath: string;
  close(): void;
}
