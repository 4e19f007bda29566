/**
 * Numbers that ip-route(8) and ip-rule(8) have names for. The names of the host's files (rt_tables, rt_protos …) come in as
 * text through a port; those that iproute2 and the kernel bring along are known without any file.
 */

export type NameKind = 'table' | 'protocol' | 'scope' | 'tos' | 'realm' | 'group';

/** The text of a file, or undefined where there is none. */
export type NameFile = (path: string) => string | undefined;

interface KindEntry {
  readonly file: string;
  readonly max: number;
  readonly known: Readonly<Record<string, number>>;
}

/** `include/uapi/linux/rtnetlink.h` and the files of iproute2. */
const KINDS: Readonly<Record<NameKind, KindEntry>> = {
  table: { file: 'rt_tables', max: 0xffffffff, known: { unspec: 0, default: 253, main: 254, local: 255 } },
  protocol: {
    file: 'rt_protos',
    max: 255,
    known: {
      unspec: 0,
      redirect: 1,
      kernel: 2,
      boot: 3,
      static: 4,
      gated: 8,
      ra: 9,
      mrt: 10,
      zebra: 11,
      bird: 12,
      dnrouted: 13,
      xorp: 14,
      ntk: 15,
      dhcp: 16,
      keepalived: 18,
      babel: 42,
      openr: 99,
      bgp: 186,
      isis: 187,
      ospf: 188,
      rip: 189,
      eigrp: 192,
    },
  },
  scope: { file: 'rt_scopes', max: 255, known: { global: 0, universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } },
  tos: {
    file: 'rt_dsfield',
    max: 255,
    known: {
      default: 0,
      CS1: 0x20,
      CS2: 0x40,
      CS3: 0x60,
      CS4: 0x80,
      CS5: 0xa0,
      CS6: 0xc0,
      CS7: 0xe0,
      EF: 0xb8,
      AF11: 0x28,
      AF12: 0x30,
      AF13: 0x38,
      AF21: 0x48,
      AF22: 0x50,
      AF23: 0x58,
      AF31: 0x68,
      AF32: 0x70,
      AF33: 0x78,
      AF41: 0x88,
      AF42: 0x90,
      AF43: 0x98,
    },
  },
  realm: { file: 'rt_realms', max: 0xffff, known: { cosmos: 0 } },
  group: { file: 'group', max: 0x7fffffff, known: { default: 0 } },
};

const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
};

/** A whole number in decimal, or in hexadecimal after 0x; undefined when it is none or above `max`. */
export function parseNumber(text: string, max: number): number | undefined {
  if (!/^(\d+|0[xX][0-9a-fA-F]+)$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

export function ipProtocolNumber(text: string): number | undefined {
  const name = text.toLowerCase();
  return parseNumber(text, 255) ?? (Object.hasOwn(IP_PROTOCOLS, name) ? IP_PROTOCOLS[name] : undefined);
}

export class RouteNames {
  private readonly readFile: NameFile;
  private readonly directories: readonly string[];
  private readonly read = new Map<NameKind, ReadonlyMap<string, number>>();

  /** A name in an earlier directory counts before the same name in a later one. */
  constructor(directories: readonly string[], readFile: NameFile = () => undefined) {
    this.directories = directories;
    this.readFile = readFile;
  }

  number(kind: NameKind, text: string): number | undefined {
    const { max, known } = KINDS[kind];
    return parseNumber(text, max) ?? this.names(kind).get(text) ?? (Object.hasOwn(known, text) ? known[text] : undefined);
  }

  /** Every name that is known, for suggestions. */
  candidates(kind: NameKind): string[] {
    return [...this.names(kind).keys(), ...Object.keys(KINDS[kind].known)];
  }

  private names(kind: NameKind): ReadonlyMap<string, number> {
    const before = this.read.get(kind);
    if (before) return before;
    const names = new Map<string, number>();
    for (const directory of this.directories.toReversed()) {
      for (const line of (this.readFile(`${directory}/${KINDS[kind].file}`) ?? '').split('\n')) {
        const [number, name] = line.trim().split(/\s+/);
        const value = number === undefined ? undefined : parseNumber(number, KINDS[kind].max);
        if (value !== undefined && name !== undefined) names.set(name, value);
      }
    }
    this.read.set(kind, names);
    return names;
  }
}
