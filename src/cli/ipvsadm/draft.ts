/** What the options of one command line have said so far; each value is judged as it is met. */
import { IpAddress, type IpFamily, maxPrefixLength } from '../../base/index.ts';
import type { ForwardingMethod, Protocol, ServiceKey } from '../../model/index.ts';
import type { TunnelType } from './legality.ts';
import type { Names } from './names.ts';
import type { Occurrence, OptionName } from './options.ts';
import { UsageError } from './usage.ts';
import { parseEndpoint, parseMask, parseNumber } from './values.ts';

const DEFAULT_PERSISTENCE_SECONDS = 360;
/** 31 days: the longest persistence and the longest time-out. */
const MAX_SECONDS = 2_678_400;
const MAX_INT = 0x7fff_ffff;
/** IP_VS_SCHEDNAME_MAXLEN less the final zero: longer names are cut. */
const MAX_NAME = 15;

export class Draft {
  readonly given = new Set<OptionName>();
  /** The protocol of the service named so far; a firewall mark counts as TCP. */
  protocol: Protocol | undefined;
  family: IpFamily = 4;
  key: ServiceKey | undefined;
  scheduler = 'wlc';
  flags = '';
  persistenceSeconds: number | undefined;
  prefixLength: number | undefined;
  engine = '';
  method: ForwardingMethod = 'dr';
  server: { readonly address: IpAddress; readonly port: number } | undefined;
  weight = 1;
  upperThreshold = 0;
  lowerThreshold = 0;
  tunnelType: TunnelType = 'ipip';
  tunnelPort = 0;
  localAddress: IpAddress | undefined;
  private readonly names: Names;

  constructor(names: Names) {
    this.names = names;
  }

  async take({ spelling, value, word }: Occurrence): Promise<void> {
    const { option, variant } = spelling;
    if (spelling.command) throw new UsageError(`invalid option \`${word}'`);
    if (!option) {
      if (variant === 'ipv6') this.takeIpv6();
      return;
    }
    if (this.given.has(option)) throw new UsageError(`multiple '${option}' options specified`);
    this.given.add(option);
    if (option === 'persistent') this.persistenceSeconds = value === undefined ? DEFAULT_PERSISTENCE_SECONDS : parseTimeout(value, 1);
    else if (option === 'forwarding-method') this.method = variant as ForwardingMethod;
    else if (option === 'service-address') await this.takeService(variant as Protocol | 'fwmark', value ?? '');
    else if (option === 'real-server') await this.takeServer(value ?? '');
    else this.takeValue(option, value ?? '');
  }

  private async takeService(kind: Protocol | 'fwmark', text: string): Promise<void> {
    if (kind === 'fwmark') {
      const mark = parseNumber(text, 1, 0xffff_ffff);
      if (mark === undefined) throw new UsageError(`invalid fwmark value \`${text}' specified`);
      this.protocol = 'tcp';
      this.key = { kind: 'fwmark', mark, family: 4 };
      return;
    }
    this.protocol = kind;
    const endpoint = await parseEndpoint(text, kind, this.names);
    if (!endpoint) throw new UsageError('illegal virtual server address[:port] specified');
    this.family = endpoint.address.family;
    this.key = { kind: 'address', protocol: kind, address: endpoint.address, port: endpoint.port ?? 0 };
  }

  /** `-6` turns the firewall mark before it into one of IPv6. The empty line after the message is ipvsadm's. */
  private takeIpv6(): void {
    if (this.key?.kind !== 'fwmark') throw new UsageError('-6 used before -f\n');
    this.family = 6;
    this.key = { ...this.key, family: 6 };
    this.prefixLength = undefined;
  }

  private async takeServer(text: string): Promise<void> {
    const endpoint = await parseEndpoint(text, this.protocol, this.names);
    if (!endpoint) throw new UsageError('illegal real server address[:port] specified');
    // Without a port of its own it has the service's, if that was named before.
    const port = endpoint.port ?? (this.key?.kind === 'address' ? this.key.port : 0);
    this.server = { address: endpoint.address, port };
  }

  /** The options with one plain value; switches have nothing to keep but that they were given. */
  private takeValue(option: OptionName, text: string): void {
    switch (option) {
      case 'scheduler':
        if (text !== '') this.scheduler = text.slice(0, MAX_NAME);
        break;
      case 'sched-flags':
        this.flags = text;
        break;
      case 'pe':
        this.engine = text.slice(0, MAX_NAME);
        break;
      case 'netmask':
        this.takeMask(text);
        break;
      case 'weight':
        this.weight = demand(parseNumber(text, 0, MAX_INT), 'illegal weight specified');
        break;
      case 'u-threshold':
        this.upperThreshold = demand(parseNumber(text, 0, MAX_INT), 'illegal u_threshold specified');
        break;
      case 'l-threshold':
        this.lowerThreshold = demand(parseNumber(text, 0, MAX_INT), 'illegal l_threshold specified');
        break;
      case 'tun-type':
        if (text !== 'ipip' && text !== 'gue' && text !== 'gre') throw new UsageError('illegal tunnel type specified');
        this.tunnelType = text;
        break;
      case 'tun-port':
        this.tunnelPort = demand(parseNumber(text, 1, 65535), 'illegal tunnel port specified');
        break;
      case 'local-address':
        this.localAddress = demand(IpAddress.parse(text), 'illegal local address specified');
        break;
      default:
        checkDaemonValue(option, text);
    }
  }

  private takeMask(text: string): void {
    if (this.family === 6) {
      this.prefixLength = demand(parseNumber(text, 1, maxPrefixLength(6)), 'illegal ipv6 netmask specified');
    } else {
      this.prefixLength = demand(parseMask(text), 'illegal virtual server persistent mask specified');
    }
  }
}

/** Seconds within 31 days; `low` is 1 for persistence, 0 for `--set`. */
export function parseTimeout(text: string, low: number): number {
  return demand(parseNumber(text, low, MAX_SECONDS), `invalid timeout value \`${text}' specified`);
}

/** This version runs no synchronization daemon, but a wrong value is told as such. */
function checkDaemonValue(option: OptionName, text: string): void {
  if (option === 'syncid') demand(parseNumber(text, 0, 255), 'illegal syncid specified');
  if (option === 'mcast-port') demand(parseNumber(text, 1, 65535), 'illegal mcast-port specified');
  if (option === 'mcast-ttl') demand(parseNumber(text, 1, 255), 'illegal mcast-ttl specified');
  if (option === 'sync-maxlen') demand(parseNumber(text, 1, 65507), 'illegal sync-maxlen specified');
  if (option === 'mcast-group') {
    const address = IpAddress.parse(text);
    const family = text.includes(':') ? 6 : 4;
    if (!address?.isMulticast()) throw new UsageError(`invalid IPv${family} mcast-group \`${text}'`);
  }
}

function demand<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new UsageError(message);
  return value;
}
