/** What ipvsadm asks the system's name services. */
import type { IpAddress } from '../../base/index.ts';
import type { Protocol } from '../../model/index.ts';

export interface Names {
  /** The IPv4 address of a host. */
  address(host: string): Promise<IpAddress | undefined>;
  /** The name of an address. */
  host(address: IpAddress): Promise<string | undefined>;
  /** The port of a service, as /etc/services has it. */
  portNumber(service: string, protocol: Protocol): Promise<number | undefined>;
  /** The service of a port. */
  portName(port: number, protocol: Protocol): Promise<string | undefined>;
}
