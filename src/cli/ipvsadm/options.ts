/** ipvsadm's options, and their reading from the arguments by popt's rules: bundles, `--x=v`, `-xV`, `-x=V`, `--`. */
import { badOption } from './usage.ts';

export type CommandName =
  | 'add-service'
  | 'edit-service'
  | 'delete-service'
  | 'flush'
  | 'list'
  | 'add-server'
  | 'delete-server'
  | 'edit-server'
  | 'set'
  | 'start-daemon'
  | 'stop-daemon'
  | 'restore'
  | 'save'
  | 'zero'
  | 'add-laddr'
  | 'del-laddr'
  | 'get-laddr'
  | 'help'
  | 'version';

/** Options by the names that ipvsadm's messages use, in the order in which it checks them. */
export const OPTION_NAMES = [
  'numeric',
  'connection',
  'service-address',
  'scheduler',
  'persistent',
  'netmask',
  'real-server',
  'forwarding-method',
  'weight',
  'u-threshold',
  'l-threshold',
  'mcast-interface',
  'timeout',
  'daemon',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'nosort',
  'syncid',
  'exact',
  'ops',
  'pe',
  'sched-flags',
  'mcast-group',
  'mcast-port',
  'mcast-ttl',
  'sync-maxlen',
  'tun-info',
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
  'local-address',
] as const;
export type OptionName = (typeof OPTION_NAMES)[number];

type Value = 'none' | 'required' | 'optional';

/** One spelling: its letter, its word, whether a value follows, and what it stands for. */
interface Spelling {
  readonly short?: string;
  readonly long?: string;
  readonly value: Value;
  readonly command?: CommandName;
  readonly option?: OptionName;
  /** Which of the options with the same name: the protocol, or the forwarding method. */
  readonly variant?: string;
}

const COMMANDS: readonly Spelling[] = [
  { short: 'A', long: 'add-service', value: 'none', command: 'add-service' },
  { short: 'E', long: 'edit-service', value: 'none', command: 'edit-service' },
  { short: 'D', long: 'delete-service', value: 'none', command: 'delete-service' },
  { short: 'C', long: 'clear', value: 'none', command: 'flush' },
  { short: 'L', long: 'list', value: 'none', command: 'list' },
  { short: 'l', value: 'none', command: 'list' },
  { short: 'Z', long: 'zero', value: 'none', command: 'zero' },
  { short: 'a', long: 'add-server', value: 'none', command: 'add-server' },
  { short: 'e', long: 'edit-server', value: 'none', command: 'edit-server' },
  { short: 'd', long: 'delete-server', value: 'none', command: 'delete-server' },
  { long: 'set', value: 'none', command: 'set' },
  { short: 'R', long: 'restore', value: 'none', command: 'restore' },
  { short: 'S', long: 'save', value: 'none', command: 'save' },
  { long: 'start-daemon', value: 'required', command: 'start-daemon' },
  { long: 'stop-daemon', value: 'required', command: 'stop-daemon' },
  // Not ipvsadm's own, as the options below: those of the ipvsadm of Alibaba's LVS and of DPVS for full NAT.
  { short: 'P', long: 'add-laddr', value: 'none', command: 'add-laddr' },
  { short: 'Q', long: 'del-laddr', value: 'none', command: 'del-laddr' },
  { short: 'G', long: 'get-laddr', value: 'none', command: 'get-laddr' },
  { short: 'h', long: 'help', value: 'none', command: 'help' },
  { short: 'v', long: 'version', value: 'none', command: 'version' },
];

const OPTIONS: readonly Spelling[] = [
  { short: 't', long: 'tcp-service', value: 'required', option: 'service-address', variant: 'tcp' },
  { short: 'u', long: 'udp-service', value: 'required', option: 'service-address', variant: 'udp' },
  { long: 'sctp-service', value: 'required', option: 'service-address', variant: 'sctp' },
  { short: 'f', long: 'fwmark-service', value: 'required', option: 'service-address', variant: 'fwmark' },
  { short: 's', long: 'scheduler', value: 'required', option: 'scheduler' },
  { short: 'p', long: 'persistent', value: 'optional', option: 'persistent' },
  { short: 'M', long: 'netmask', value: 'required', option: 'netmask' },
  { short: 'r', long: 'real-server', value: 'required', option: 'real-server' },
  { short: 'g', long: 'gatewaying', value: 'none', option: 'forwarding-method', variant: 'dr' },
  { short: 'i', long: 'ipip', value: 'none', option: 'forwarding-method', variant: 'tun' },
  { short: 'm', long: 'masquerading', value: 'none', option: 'forwarding-method', variant: 'nat' },
  // Its letter there, b, is that of the scheduler's flags here.
  { long: 'fullnat', value: 'none', option: 'forwarding-method', variant: 'fullnat' },
  { short: 'z', long: 'local-address', value: 'required', option: 'local-address' },
  { long: 'laddr', value: 'required', option: 'local-address' },
  { short: 'w', long: 'weight', value: 'required', option: 'weight' },
  { short: 'x', long: 'u-threshold', value: 'required', option: 'u-threshold' },
  { short: 'y', long: 'l-threshold', value: 'required', option: 'l-threshold' },
  { short: 'n', long: 'numeric', value: 'none', option: 'numeric' },
  { short: 'c', long: 'connection', value: 'none', option: 'connection' },
  { long: 'timeout', value: 'none', option: 'timeout' },
  { long: 'daemon', value: 'none', option: 'daemon' },
  { long: 'stats', value: 'none', option: 'stats' },
  { long: 'rate', value: 'none', option: 'rate' },
  { long: 'thresholds', value: 'none', option: 'thresholds' },
  { long: 'persistent-conn', value: 'none', option: 'persistent-conn' },
  { long: 'tun-info', value: 'none', option: 'tun-info' },
  { long: 'nosort', value: 'none', option: 'nosort' },
  { short: 'X', long: 'exact', value: 'none', option: 'exact' },
  { short: 'o', long: 'ops', value: 'none', option: 'ops' },
  { long: 'pe', value: 'required', option: 'pe' },
  { short: 'b', long: 'sched-flags', value: 'required', option: 'sched-flags' },
  { long: 'mcast-interface', value: 'required', option: 'mcast-interface' },
  { long: 'mcast-group', value: 'required', option: 'mcast-group' },
  { long: 'mcast-port', value: 'required', option: 'mcast-port' },
  { long: 'mcast-ttl', value: 'required', option: 'mcast-ttl' },
  { long: 'sync-maxlen', value: 'required', option: 'sync-maxlen' },
  { long: 'syncid', value: 'required', option: 'syncid' },
  { long: 'tun-type', value: 'required', option: 'tun-type' },
  { long: 'tun-port', value: 'required', option: 'tun-port' },
  { long: 'tun-nocsum', value: 'none', option: 'tun-nocsum' },
  { long: 'tun-csum', value: 'none', option: 'tun-csum' },
  { long: 'tun-remcsum', value: 'none', option: 'tun-remcsum' },
  // These two are no options to the legality check: -6 belongs to -f, and --sort asks for what is the case anyway.
  { short: '6', long: 'ipv6', value: 'none', variant: 'ipv6' },
  { long: 'sort', value: 'none', variant: 'sort' },
];

const BY_LETTER = new Map([...COMMANDS, ...OPTIONS].flatMap((spelling) => (spelling.short ? [[spelling.short, spelling]] : [])));
const BY_WORD = new Map([...COMMANDS, ...OPTIONS].flatMap((spelling) => (spelling.long ? [[spelling.long, spelling]] : [])));

/** One option as it was met. */
export interface Occurrence {
  readonly spelling: Spelling;
  readonly value: string | undefined;
  /** The last argument that it took up, for messages. */
  readonly word: string;
}

/** Reads options one by one, because ipvsadm judges each before it looks at the next. What is no option is collected. */
export class OptionReader {
  /** Arguments that are no options, in order; complete once `next` has given undefined. */
  readonly leftovers: string[] = [];
  private readonly argv: readonly string[];
  private index = 0;
  /** Letters of the present bundle that are still to be read. */
  private bundle = '';
  private bundleWord = '';

  constructor(argv: readonly string[]) {
    this.argv = argv;
  }

  /** The next option; undefined at the end. Throws popt's complaint about an unknown option or a missing value. */
  next(): Occurrence | undefined {
    if (this.bundle !== '') return this.letter();
    while (this.index < this.argv.length) {
      const word = this.argv[this.index++] as string;
      if (word === '--') {
        this.leftovers.push(...this.argv.slice(this.index));
        this.index = this.argv.length;
      } else if (word.startsWith('--')) return this.long(word);
      else if (word.startsWith('-') && word.length > 1) {
        this.bundle = word.slice(1);
        this.bundleWord = word;
        return this.letter();
      } else this.leftovers.push(word);
    }
    return undefined;
  }

  private long(word: string): Occurrence {
    const equals = word.indexOf('=');
    const spelling = BY_WORD.get(equals < 0 ? word.slice(2) : word.slice(2, equals));
    if (!spelling) throw badOption(word, 'unknown option');
    return this.finish(spelling, word, equals < 0 ? undefined : word.slice(equals + 1));
  }

  private letter(): Occurrence {
    const letter = this.bundle.slice(0, 1);
    const rest = this.bundle.slice(1);
    const spelling = BY_LETTER.get(letter);
    if (!spelling) throw badOption(this.bundleWord, 'unknown option');
    if (spelling.value === 'none' && !rest.startsWith('=')) {
      this.bundle = rest;
      return { spelling, value: undefined, word: this.bundleWord };
    }
    this.bundle = '';
    return this.finish(spelling, this.bundleWord, rest === '' ? undefined : rest.replace(/^=/, ''));
  }

  private finish(spelling: Spelling, word: string, attached: string | undefined): Occurrence {
    if (spelling.value === 'none') {
      if (attached !== undefined) throw badOption(word, 'option does not take an argument');
      return { spelling, value: undefined, word };
    }
    if (attached !== undefined) return { spelling, value: attached, word };
    const next = this.argv[this.index];
    if (spelling.value === 'optional' && (next === undefined || next.startsWith('-'))) return { spelling, value: undefined, word };
    if (next === undefined) throw badOption(word, 'missing argument');
    this.index++;
    return { spelling, value: next, word: next };
  }
}
