/** A minimal file around one statement: the blocks that it stands in, what these need, and what it may refer to. */
import type { KeywordPath } from '../../../src/config/index.ts';

/** What stands after the keyword of a block, by path. */
const HEADS: Readonly<Record<string, string>> = {
  virtual_server: '192.0.2.100 80',
  'virtual_server.real_server': '192.0.2.200 80',
};

/** Statements that a block needs and that the table does not demand by itself. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  vrrp_instance: ['no_virtual_ipaddress'],
  vrrp_sync_group: ['group {\nSA SB2\n}'],
  // Full NAT, a method that keepalived does not have, needs the group.
  virtual_server: ['laddr_group_name LG', 'real_server 192.0.2.200 80 {\nTCP_CHECK {\nconnect_port 80\n}\n}'],
  garp_group: ['interface eth0'],
};

/** Values of statements that a block demands. */
const REQUIRED: Readonly<Record<string, string>> = {
  lvs_sched: 'lvs_sched rr',
  lvs_method: 'lvs_method DR',
  protocol: 'protocol UDP',
  interface: 'interface eth0',
  virtual_router_id: 'virtual_router_id 7',
  url: 'url {\npath /\n}',
  path: 'path /',
  misc_path: 'misc_path /bin/true',
  track_file: 'track_file SF',
  name: 'name SB',
  auth_type: 'auth_type PASS',
  auth_pass: 'auth_pass secret',
  script: 'script /bin/true',
  file: 'file /tmp/number',
  process: 'process nginx',
  neighbor_ip: 'neighbor_ip 192.0.2.9',
  group: 'group {\nSA\nSB2\n}',
  key: 'key 1 hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff',
  active_key: 'active_key 1',
};

/** What a statement needs beside it in its block to make sense there, by path; a path may end with `*`. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  'virtual_server.persistence_granularity': ['persistence_timeout 50'],
  'virtual_server.persistence_engine': ['persistence_timeout 50'],
  'virtual_server.sorry_server_inhibit': ['sorry_server 192.0.2.250'],
  'virtual_server.sorry_server_lvs_method': ['sorry_server 192.0.2.250'],
  '*.min_reply_length': ['max_reply_length 65535'],
  '*.regex_no_match': ['regex name'],
  '*.regex_options': ['regex name'],
  '*.regex_min_offset': ['regex name'],
  '*.regex_max_offset': ['regex name'],
  '*.regex_stack': ['regex name'],
  'virtual_server.real_server.lthreshold': ['uthreshold 4294967295'],
};

/** Things that references lead to. */
const SURROUNDINGS = `local_address_group LG {
192.0.2.251
}
vrrp_instance SA {
interface eth0
virtual_router_id 101
no_virtual_ipaddress
}
vrrp_instance SB2 {
interface eth0
virtual_router_id 102
no_virtual_ipaddress
}
vrrp_script SS {
script /bin/true
}
vrrp_track_process SP {
process nginx
}
track_file SF {
file /tmp/number
}
bfd_instance SB {
neighbor_ip 192.0.2.10
}
track_group TG {
group {
SA
}
}
virtual_server_group SG {
192.0.2.101 80
}
`;

export interface Skeleton {
  readonly text: string;
  /** The line of the statement, and of an entry in its block. */
  readonly line: number;
}

function listed(table: Readonly<Record<string, readonly string[]>>, path: string): readonly string[] {
  if (table[path]) return table[path];
  const key = Object.keys(table).find((pattern) => pattern.startsWith('*') && path.endsWith(pattern.slice(1)));
  return (key !== undefined && table[key]) || [];
}

export class SkeletonBuilder {
  private readonly paths: ReadonlyMap<string, KeywordPath>;

  constructor(paths: readonly KeywordPath[]) {
    this.paths = new Map(paths.map((path) => [path.path, path]));
  }

  /** A file in which the keyword stands with an argument. `entry` is a line in its block. */
  around(path: string, argument: string, entry?: string): Skeleton {
    const names = path.split('.');
    const before: string[] = SURROUNDINGS.trimEnd().split('\n');
    const after: string[] = [];
    for (let depth = 1; depth < names.length; depth++) {
      const outer = names.slice(0, depth).join('.');
      before.push(`${names[depth - 1]} ${this.head(outer)} {`, ...this.needs(outer, names[depth] as string, path));
      after.unshift('}');
    }
    const [words = '', ...beside] = argument.split(' // ');
    before.push(...listed(BESIDE, path), ...beside);
    const lines = before.join('\n').split('\n');
    const statement = this.statement(path, words, entry);
    const line = lines.length + 1 + (entry === undefined ? 0 : 1);
    return { text: [...lines, ...statement, ...after, ''].join('\n'), line };
  }

  private statement(path: string, argument: string, entry: string | undefined): string[] {
    const name = path.split('.').at(-1) as string;
    const found = this.paths.get(path);
    const words = `${name} ${argument}`.trim();
    if (!found?.block) return [words];
    if (found.block === 'entries') return [`${words} {`, ...(entry === undefined ? this.entryOf(path) : [entry]), '}'];
    return [`${words} {`, ...this.needs(path, '', path), '}'];
  }

  /** An entry for blocks that must not be empty. */
  private entryOf(path: string): string[] {
    if (path === 'virtual_server_group') return ['192.0.2.1 80'];
    if (path === 'vrrp_sync_group.group') return ['SA SB2'];
    if (path === 'garp_group.interfaces') return ['eth0'];
    return path === 'track_group.group' ? ['SA'] : [];
  }

  private head(path: string): string {
    const form = this.paths.get(path)?.keyword.form;
    return HEADS[path] ?? (form?.kind === 'word' ? 'T' : '');
  }

  /** What a block needs, without the child that is written by itself and its other spellings. */
  private needs(path: string, child: string, whole: string): string[] {
    const children = [...(this.paths.get(path)?.keyword.children.values() ?? [])];
    const present = children.find(({ name }) => name === child)?.aliasOf ?? child;
    const required = children.filter(({ required: text, name }) => text !== undefined && name !== present);
    const others = (NEEDS[path] ?? []).filter((statement) => statement.split(/[ \n]/)[0] !== child && !exclude(whole, statement));
    return [...required.map(({ name }) => REQUIRED[name] ?? name), ...others];
  }
}

/** A virtual router that has addresses does not also say that it has none, and so on. */
function exclude(path: string, statement: string): boolean {
  if (path.startsWith('garp_group.interface')) return statement.startsWith('interface');
  return path === 'vrrp_instance.virtual_ipaddress' && statement === 'no_virtual_ipaddress';
}
