/** What the real-server tool asks of the host it runs on. The plan is pure; this is all that is not. */
import type { IpAddress } from '../../base/index.ts';
import type { HostState } from './plan.ts';

export interface RealServerHost {
  /** Runs alone: a second call on the same host waits until the first is done. */
  exclusively<T>(run: () => T): T;
  state(): HostState;
  setSysctl(name: string, value: string): void;
  addAddress(address: IpAddress, label: string | undefined): void;
  removeAddress(address: IpAddress, label: string | undefined): void;
  /** The text of the record; undefined when there is none. */
  loadRecord(): string | undefined;
  /** Replaces the record at once and durably: a reader finds the old one or the new one, whole. */
  saveRecord(text: string): void;
  deleteRecord(): void;
  /** Where the record is, for messages. */
  readonly recordPath: string;
  close(): void;
}
