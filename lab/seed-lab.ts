/** The topology of the seeds' first page, ready for a test: five machines, their files in place, both web servers running as DR real servers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressesOf } from './inspect.ts';
import { Lab, type MachineOptions } from './lab.ts';
import type { Machine } from './machine.ts';
import { projectRoot } from './paths.ts';
import { until } from './process.ts';
import { CONFIG_FILE, installProduct, startNginx } from './services.ts';

export const VIP = '192.168.18.200';

export interface SeedLab {
  readonly lab: Lab;
  readonly master: Machine;
  readonly slave: Machine;
  readonly node1: Machine;
  readonly node2: Machine;
  readonly client: Machine;
}

export interface SeedLabOptions {
  readonly nginxWorkers?: number;
  /** Further machines of the same segment; they get the product's commands too. */
  readonly further?: readonly MachineOptions[];
}

export async function bootSeedLab(options: SeedLabOptions = {}): Promise<SeedLab> {
  const lab = await Lab.create();
  try {
    const add = (name: string, last: number): Promise<Machine> => lab.addMachine({ name, address: `192.168.18.${last}/24` });
    const node1 = await add('node1', 201);
    const node2 = await add('node2', 202);
    const master = await add('master', 207);
    const slave = await add('slave', 208);
    const client = await add('client', 210);
    for (const machine of options.further ?? []) await lab.addMachine(machine);
    for (const machine of lab.machines) installProduct(machine);
    master.writeFile(CONFIG_FILE, seedConfiguration('000-master.conf'));
    slave.writeFile(CONFIG_FILE, seedConfiguration('000-slave.conf'));
    for (const [machine, page] of [
      [node1, '<h1>RS1.test.com</h1>'],
      [node2, '<h1>RS2.test.com</h1>'],
    ] as const) {
      await startNginx(machine, { page, workers: options.nginxWorkers ?? 1 });
      await machine.runOrThrow(['vipwright', 'realserver', 'start', '--vip', VIP, '--mode', 'dr']);
    }
    return { lab, master, slave, node1, node2, client };
  } catch (error) {
    await lab.destroy();
    throw error;
  }
}

export function seedConfiguration(name: string): string {
  return readFileSync(join(projectRoot, 'test/golden/seeds', name), 'utf8');
}

/** True as soon as the machine holds the VIP; false if it does not within that time. */
export async function holdsVip(machine: Machine, withinMs: number): Promise<boolean> {
  return (await until(async () => ((await addressesOf(machine)).includes(VIP) ? true : undefined), withinMs)) === true;
}

/** True as soon as the machine does not hold the VIP. */
export async function hasNoVip(machine: Machine, withinMs: number): Promise<boolean> {
  return (await until(async () => ((await addressesOf(machine)).includes(VIP) ? undefined : true), withinMs)) === true;
}
