/**
 * What the director itself sends to a virtual address of its own (IPVS's LOCAL_OUT): a pair of interfaces takes it from the loopback
 * interface to the packet path, and brings the replies of masqueraded servers back to the stack.
 */
import { type BpfProgram, TcFilter } from '../../os/bpf/index.ts';
import { setOffload } from '../../os/ffi/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import { readSysctl, writeSysctl } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { PacketPath } from './program.ts';
import type { Records } from './records.ts';

/** The stack's end, by which replies come back to it. */
const STACK_END = 'vipwright-out';
const PORT = 'vipwright-in';
/** The most that an interface takes: the loopback interface cuts nothing shorter either. */
const MTU = 65_535;
/** Of both ends: frames then have the right addresses wherever they go, and nobody has to know any. */
const MAC = Uint8Array.of(0x02, 0x00, 0x00, 0x76, 0x69, 0x70);
/** After the filters of others, which see such packets as they always did. */
const PRIORITY = 0xc000;
const HANDLE = 0x7670;

export class LocalOut {
  /** The end that is a port of the packet path. */
  static readonly PORT = PORT;
  private readonly program: BpfProgram;
  private readonly settings: Records;
  private readonly logger: Logger;
  private readonly rtnetlink = new Rtnetlink();
  private readonly loopback: number;
  private readonly filter: TcFilter;
  /** Whether the pair is this packet path's. */
  private ours: boolean;

  constructor({ settings, localOut }: PacketPath, logger: Logger) {
    this.settings = settings;
    this.program = localOut;
    this.logger = logger;
    this.loopback = this.rtnetlink.link('lo')?.index ?? 1;
    this.filter = new TcFilter(this.loopback, 'egress', PRIORITY, HANDLE);
    this.ours = settings.u32(0, 'local_out') !== 0;
  }

  /** Makes the pair, or takes over that of an earlier process. False, and a line in the log says why, where that cannot be. */
  prepare(): boolean {
    try {
      const made = this.rtnetlink.createVeth({ names: [STACK_END, PORT], mtu: MTU, mac: MAC });
      this.ours ||= made === 'created';
      // Packets get there as they are on a wire. Without the second no port in native mode could send replies there.
      setOffload(STACK_END, 'tx', false);
      setOffload(STACK_END, 'gro', true);
      for (const name of [STACK_END, PORT]) {
        // Packets come in with an address of this host as their source, which is what they have.
        writeSysctl(['net', 'ipv4', 'conf', name, 'accept_local'], 1);
        writeSysctl(['net', 'ipv4', 'conf', name, 'rp_filter'], 0);
        this.rtnetlink.setLinkUp(this.indexOf(name), true, { noArp: true });
      }
      this.warnOfFilter();
      return true;
    } catch (error) {
      this.complain(error as Error);
      return false;
    }
  }

  /** Lets packets in; the port has to be there. Throws SystemError. */
  begin(): void {
    this.ours = true;
    this.settings.setU32(0, 'local_out', this.indexOf(STACK_END));
    this.filter.attach(this.program);
  }

  /** Packets stay with the stack again, and the pair is gone; but not that of another daemon on this host. */
  end(): void {
    if (!this.ours) return;
    this.ours = false;
    this.settings.setU32(0, 'local_out', 0);
    this.filter.detach();
    const isHooked = this.rtnetlink.disciplines().some(({ kind, interfaceIndex }) => kind === 'clsact' && interfaceIndex === this.loopback);
    if (isHooked && this.rtnetlink.clsactFilters(this.loopback).length === 0) this.filter.removeDiscipline();
    const { index } = this.rtnetlink.link(STACK_END) ?? {};
    if (index !== undefined) this.rtnetlink.deleteLink(index);
  }

  complain({ message }: Error): void {
    this.logger.log('warning', `What this host sends to virtual services of its own does not go to the real servers: ${message}`);
  }

  close(): void {
    this.end();
    this.rtnetlink.close();
  }

  private indexOf(name: string): number {
    const link = this.rtnetlink.link(name);
    if (link) return link.index;
    throw new Error(`there is no interface ${name}`);
  }

  /** The kernel takes the stricter of the interface's setting and that of all. */
  private warnOfFilter(): void {
    const value = readSysctl(['net', 'ipv4', 'conf', 'all', 'rp_filter']);
    if (value === '0') return;
    const words = `net.ipv4.conf.all.rp_filter is ${value}: replies to what this host sends to virtual services of its own are dropped; set it to 0, and that of each interface instead`;
    this.logger.log('warning', words);
  }
}
