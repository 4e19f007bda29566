// What a machine must have before a command of setup.mjs may start. Looking changes nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';

const oldestNode = [20, 19];
const oldestKernel = [6, 1];

const command = (name) => ({ what: `the command ${name}`, present: () => findCommand(name) });
const file = (...paths) => ({ what: paths[0], present: () => paths.some((path) => existsSync(path)) });
const library = (name) => ({ what: `the library ${name}`, present: () => findLibrary(name) });

/** Debian package → the proof that it (or another distribution's equivalent) is there. */
const packages = {
  build: {
    'clang-19': command('clang-19'),
    'libbpf-dev': file('/usr/include/bpf/bpf_helpers.h'),
    libbpf1: library('libbpf.so.1'),
  },
  lab: {
    iproute2: command('ip'),
    'nginx-light': command('nginx'),
    'libnginx-mod-stream': file('/usr/lib/nginx/modules/ngx_stream_module.so', '/usr/lib64/nginx/modules/ngx_stream_module.so'),
    keepalived: command('keepalived'),
    frr: file('/usr/lib/frr/vrrpd'),
    ipvsadm: command('ipvsadm'),
    haproxy: command('haproxy'),
    wrk: command('wrk'),
    tshark: command('tshark'),
    tcpdump: command('tcpdump'),
    bpftool: command('bpftool'),
    ethtool: command('ethtool'),
    curl: command('curl'),
    nftables: command('nft'),
    'util-linux': command('unshare'),
  },
  // What boots a kernel with IPVS beside ours.
  kernel: {
    kmod: command('depmod'),
    'busybox-static': file('/bin/busybox', '/usr/bin/busybox'),
    'qemu-system-x86': command('qemu-system-x86_64'),
  },
};

const capabilities = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21, CAP_BPF: 39 };

function findCommand(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, name)));
}

function findLibrary(name) {
  const roots = ['/usr/lib', '/usr/lib64', '/lib', '/usr/local/lib'];
  const folders = roots.flatMap((root) => [root, ...multiarch(root)]);
  return folders.some((folder) => existsSync(join(folder, name)));
}

function multiarch(root) {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => name.includes('-linux-'))
    .map((name) => join(root, name));
}

function atLeast(version, [major, minor]) {
  const [first = 0, second = 0] = version
    .replace(/^v/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return first > major || (first === major && second >= minor);
}

/** The Debian packages of the given groups that are not there yet. */
function missingPackages(groups) {
  return groups.flatMap((group) => Object.keys(packages[group]).filter((name) => !packages[group][name].present()));
}

/** Everything about this machine that a command may depend on. */
export function lookAtMachine(groups) {
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : '';
  return {
    node: process.version,
    platform: process.platform,
    kernel: release(),
    hasTypeInformation: existsSync('/sys/kernel/btf/vmlinux'),
    root: process.getuid?.() === 0,
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`),
    aptGet: findCommand('apt-get'),
    missing: missingPackages(groups),
  };
}

/** Everything that keeps a command from running and that we cannot mend ourselves, each in one sentence with what to do. */
export function obstacles({ privileged }, machine) {
  const problems = [];
  if (!atLeast(machine.node, oldestNode)) {
    problems.push(
      `Node ${oldestNode.join('.')} or newer is needed and this is ${machine.node}: install a newer one from https://nodejs.org/.`,
    );
  }
  if (machine.platform !== 'linux') {
    return [...problems, `Linux is needed and this is ${machine.platform}: use a Linux machine or a virtual one.`];
  }
  if (privileged) problems.push(...privilegeProblems(machine));
  return [...problems, ...packageProblems(machine)];
}

function privilegeProblems({ kernel, hasTypeInformation, root, capabilities: held }) {
  const problems = [];
  if (!atLeast(kernel, oldestKernel)) {
    problems.push(`Linux ${oldestKernel.join('.')} or newer is needed and this is ${kernel}: boot a newer kernel.`);
  }
  if (!hasTypeInformation) {
    problems.push('/sys/kernel/btf/vmlinux is needed (a kernel built with CONFIG_DEBUG_INFO_BTF): boot a distribution kernel.');
  }
  if (!root)
    return [...problems, 'root is needed (network namespaces, BPF programs): run the same command as root, for example with sudo.'];
  const absent = Object.keys(capabilities).filter((name) => ((held >> BigInt(capabilities[name])) & 1n) === 0n);
  if (absent.length > 0) problems.push(`root is here without ${absent.join(', ')} (a container?): run it where root has them.`);
  return problems;
}

function packageProblems({ missing, aptGet, root }) {
  if (missing.length === 0) return [];
  if (!aptGet) {
    const all = Object.assign({}, ...Object.values(packages));
    const parts = missing.map((name) => all[name].what);
    return [`this machine is not Debian (no apt-get), so install these by its own means: ${parts.join(', ')}.`];
  }
  return root ? [] : [`Debian packages are missing and installing them needs root: apt-get install ${missing.join(' ')}`];
}
