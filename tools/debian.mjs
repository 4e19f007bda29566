// Installs Debian packages for the lab without letting any of them start a daemon on this machine, now or at the next boot.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Debian's own switch: while this program says 101, no package script may start a service. */
const policyFile = '/usr/sbin/policy-rc.d';
const policy = '#!/bin/sh\n# Placed by vipwright while it installs packages; it may be deleted.\nexit 101\n';

/** Packages of ours that bring a daemon which Debian would enable. */
const daemons = ['nginx', 'keepalived', 'haproxy', 'frr'];

/** True when all packages were installed. `succeeds(program, args)` runs one program; `say(line)` tells the person. */
export function installDebianPackages(packages, succeeds, say) {
  const environment = ['DEBIAN_FRONTEND=noninteractive', 'NEEDRESTART_SUSPEND=1'];
  const aptGet = (...args) => succeeds('env', [...environment, 'apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=120', ...args]);
  if (!aptGet('update')) {
    say('apt-get update failed (its message is above); no package was installed.');
    return false;
  }
  const ours = forbidServices();
  try {
    if (!aptGet('install', '--no-install-recommends', ...packages)) {
      say('apt-get install failed (its message is above). Run the same command again when that is mended.');
      return false;
    }
  } finally {
    if (ours) rmSync(policyFile, { force: true });
  }
  const fresh = daemons.filter((name) => packages.some((entry) => entry.startsWith(name)));
  if (fresh.length > 0 && existsSync('/run/systemd/system')) succeeds('systemctl', ['--quiet', 'disable', ...fresh]);
  return true;
}

/** Puts the policy in place unless the machine has one of its own; true when it is ours to remove (also one left by a killed run). */
function forbidServices() {
  if (existsSync(policyFile)) return readFileSync(policyFile, 'utf8') === policy;
  writeFileSync(policyFile, policy, { mode: 0o755, flag: 'wx' });
  return true;
}
