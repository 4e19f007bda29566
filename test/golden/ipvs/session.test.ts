/** A recorded ipvsadm session, command by command, on our table rules: the same output and exit codes. */
import { describe, expect, it } from 'vitest';
import { type IpvsadmIo, runIpvsadm, type TableSource } from '../../../src/cli/ipvsadm/index.ts';
import { TableStore } from '../../../src/dataplane/memory/index.ts';
import { DEFAULT_TIMEOUTS, SCHEDULER_NAMES, type Timeouts } from '../../../src/model/index.ts';
import { readRecording } from './recordings.ts';

const recorded = readRecording('ipvsadm-1.31-cli-linux-6.1.192.txt');

/** The table's rules without any packets; the recorded kernel had every scheduler but one. */
class TableOnlySource implements TableSource {
  private readonly table = new TableStore(SCHEDULER_NAMES.filter((name) => name !== 'twos'));
  private current: Timeouts = DEFAULT_TIMEOUTS;

  async tables() {
    return { tableSize: 4096, services: this.table.statuses() };
  }
  async connections() {
    return [];
  }
  async timeouts() {
    return this.current;
  }
  async addService(service: Parameters<TableSource['addService']>[0]) {
    this.table.addService(service);
  }
  async editService(service: Parameters<TableSource['editService']>[0]) {
    this.table.editService(service);
  }
  async deleteService(key: Parameters<TableSource['deleteService']>[0]) {
    this.table.deleteService(key, 0);
  }
  async addServer(...[key, server]: Parameters<TableSource['addServer']>) {
    this.table.addServer(key, server);
  }
  async editServer(...[key, server]: Parameters<TableSource['editServer']>) {
    this.table.editServer(key, server);
  }
  async deleteServer(...[key, server]: Parameters<TableSource['deleteServer']>) {
    this.table.deleteServer(key, server, 0);
  }
  async flush() {
    for (const { service } of this.table.services()) this.table.deleteService(service.key, 0);
  }
  async zero(key?: Parameters<TableSource['zero']>[0]) {
    this.table.zero(key);
  }
  async setTimeouts({ tcp, tcpFin, udp }: Timeouts) {
    const { current } = this;
    this.current = { tcp: tcp || current.tcp, tcpFin: tcpFin || current.tcpFin, udp: udp || current.udp };
  }
}

async function run(argv: readonly string[], source: TableSource): Promise<{ output: string; exitCode: number }> {
  let output = '';
  const write = (text: string): void => {
    output += text;
  };
  const io: IpvsadmIo = {
    out: write,
    err: write,
    input: async () => '',
    names: { address: async () => undefined, host: async () => undefined, portNumber: async () => undefined, portName: async () => undefined },
  };
  const exitCode = await runIpvsadm(argv, source, io);
  return { output, exitCode };
}

/** Without sorting the kernel lists services by a hash that depends on where its structures lie in memory; servers keep their order. */
function serviceBlocks(output: string): { title: string; blocks: string[] } {
  const [title = '', ...blocks] = output.split(/^(?=(?:TCP|UDP|SCTP|FWM) )/m);
  return { title, blocks: blocks.sort() };
}

describe('a session of ipvsadm 1.31 on Linux 6.1.192', () => {
  const source = new TableOnlySource();
  const isDaemon = (argv: readonly string[]): boolean => argv.some((word) => word.endsWith('daemon'));
  const commands = recorded.filter(({ argv }) => !isDaemon(argv));

  it('has more than fifty commands beside those of the synchronization daemon', () => {
    expect(commands.length).toBeGreaterThan(50);
  });

  // In sequence: each command finds the table as the ones before left it.
  it.each(commands.map((command, index) => ({ ...command, name: `${index + 1}: ipvsadm ${command.line}` })))(
    '$name',
    async ({ argv, output, exitCode }) => {
      const ours = await run(argv, source);
      expect(ours.exitCode).toBe(exitCode);
      if (argv.includes('--nosort')) expect(serviceBlocks(ours.output)).toEqual(serviceBlocks(output));
      else expect(ours.output).toBe(output);
    },
  );

  it('leaves nothing behind', async () => {
    expect((await source.tables()).services).toEqual([]);
  });

  it('says honestly that there is no synchronization daemon', async () => {
    const answer = { output: 'Operation not supported: this version does not synchronize connections\n', exitCode: 255 };
    expect(await run(['--start-daemon', 'master'], source)).toEqual(answer);
    expect(await run(['--stop-daemon', 'backup'], source)).toEqual(answer);
    expect(await run(['-L', '--daemon'], source)).toEqual({ output: '', exitCode: 0 });
  });
});
