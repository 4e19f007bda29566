import { describe, expect, it } from 'vitest';
import { IpAddress, seconds } from '../../base/index.ts';
import { MemoryDataPlane } from '../../dataplane/index.ts';
import { DataPlaneError } from '../../ports/index.ts';
import { type IpvsadmIo, runIpvsadm, SourceUnavailableError, type TableSource } from './index.ts';
import { figure } from './listing.ts';

class Bed {
  now = 0;
  readonly plane = new MemoryDataPlane({ clock: { now: () => this.now } });
  stdout = '';
  stderr = '';
  input = '';
  readonly io: IpvsadmIo = {
    out: (text) => {
      this.stdout += text;
    },
    err: (text) => {
      this.stderr += text;
    },
    input: async () => this.input,
    names: {
      address: async (host) => (host === 'web.example.com' ? IpAddress.parse('10.9.9.9') : undefined),
      host: async (address) => ({ '10.9.9.9': 'web.example.com', '10.2.0.1': 'a-server-with-a-long-name.example.com' })[address.toString()],
      portNumber: async (service) => (service === 'http' ? 80 : undefined),
      portName: async (port) => (port === 80 ? 'http' : undefined),
    },
  };

  source(): TableSource {
    const { plane } = this;
    return {
      tables: async () => ({ tableSize: plane.tableSize, services: plane.services() }),
      connections: async () => [...plane.connections()],
      timeouts: async () => plane.timeouts(),
      addService: async (service) => plane.addService(service),
      editService: async (service) => plane.editService(service),
      deleteService: async (key) => plane.deleteService(key),
      addServer: async (key, server) => plane.addServer(key, server),
      editServer: async (key, server) => plane.editServer(key, server),
      deleteServer: async (key, server) => plane.deleteServer(key, server),
      flush: async () => plane.flush(),
      zero: async (key) => plane.zero(key),
      setTimeouts: async (timeouts) => plane.setTimeouts(timeouts),
    };
  }

  /** Runs a command line and gives what it printed on both streams and its exit code. */
  async run(line: string, source = this.source()): Promise<string> {
    this.stdout = '';
    this.stderr = '';
    const code = await runIpvsadm(line === '' ? [] : line.split(' '), source, this.io);
    return `${this.stdout}${this.stderr}[${code}]`;
  }
}

const TITLE = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
`;

async function web(): Promise<Bed> {
  const b = new Bed();
  await b.run('-A -t 10.9.9.9:80 -s rr');
  await b.run('-a -t 10.9.9.9:80 -r 10.2.0.1');
  return b;
}

describe('names', () => {
  it('are resolved in arguments, and printed where -n does not forbid it, cut to their columns', async () => {
    const b = new Bed();
    expect(await b.run('-A -t web.example.com:http -s rr')).toBe('[0]');
    expect(await b.run('-a -t web.example.com:http -r 10.2.0.1:http')).toBe('[0]');
    expect(await b.run('')).toBe(
      `${TITLE}TCP  web.example.com:http rr\n  -> a-server-with-a-long-name.ex Route   1      0          0         \n[0]`,
    );
    expect(await b.run('-Ln')).toBe(
      `${TITLE}TCP  10.9.9.9:80 rr\n  -> 10.2.0.1:80                  Route   1      0          0         \n[0]`,
    );
    expect(await b.run('-S')).toContain('-a -t web.example.com:http -r a-server-with-a-long-name.example.com:http -g -w 1\n');
    expect(await b.run('-A -t nobody.example.com:80 -s rr')).toBe('illegal virtual server address[:port] specified\n[2]');
  });
});

describe('listing', () => {
  it('of one service has no version line, and fails with 1 when there is none', async () => {
    const b = await web();
    expect(await b.run('-Ln -t 10.9.9.9:80')).not.toContain('version');
    expect(await b.run('-Ln -t 10.9.9.9:81')).toBe('No such service\n[1]');
  });

  it('shows live connections', async () => {
    const b = await web();
    const [client, virtual] = [IpAddress.parse('10.0.0.7')!, IpAddress.parse('10.9.9.9')!];
    b.plane.receive({ protocol: 'tcp', client, clientPort: 4000, virtual, virtualPort: 80, length: 40, flags: { syn: true } });
    b.plane.receive({ protocol: 'tcp', client, clientPort: 4000, virtual, virtualPort: 80, length: 40, flags: { ack: true } });
    b.now = seconds(1);
    expect(await b.run('-Lnc')).toBe(
      'IPVS connection entries\npro expire state       source             virtual            destination\nTCP 14:59  ESTABLISHED 10.0.0.7:4000      10.9.9.9:80        10.2.0.1:80\n[0]',
    );
    expect(await b.run('-Ln')).toContain('  -> 10.2.0.1:80                  Route   1      1          0         \n');
    expect(await b.run('-Ln --stats')).toContain('TCP  10.9.9.9:80                         1        2        0       80        0\n');
    await b.run('-Z');
    expect(await b.run('-Ln --stats')).toContain('TCP  10.9.9.9:80                         0        0        0        0        0\n');
  });

  it.each([
    [99_999_999n, ' 99999999', ' 99999999'],
    [100_000_000n, '  100000K', ' 100000000'],
    [999_999_999n, '  999999K', ' 999999999'],
    [1_000_000_000n, '    1000M', ' 1000000000'],
    [100_000_000_000n, '     100G', ' 100000000000'],
    [99_999_999_999_999n, '   99999G', ' 99999999999999'],
    [100_000_000_000_000n, '     100T', ' 100000000000000'],
    [0, '        0', '        0'],
  ])('prints %s as %j, exactly as %j', (value, short, exact) => {
    expect([figure(value, false), figure(value, true)]).toEqual([short, exact]);
  });
});

describe('saving and restoring', () => {
  it('gives back the same table', async () => {
    const b = await web();
    await b.run('-A -u 10.9.9.9:53 -s wrr -o -b flag-1');
    await b.run('-A -t 10.9.9.9:0 -s wrr -p 60 -M 255.255.0.0');
    await b.run('-A -f 9 -6 -s rr -p 50 -M 64');
    await b.run('-a -f 9 -6 -r fd00::1 -i --tun-type gue --tun-port 6080 --tun-remcsum -w 7');
    const rules = (await b.run('-Sn')).replace('[0]', '');
    const other = new Bed();
    other.input = rules;
    expect(await other.run('-R')).toBe('[0]');
    expect(await other.run('-Sn')).toBe(`${rules}[0]`);
    expect(rules).toContain('-A -t 10.9.9.9:0 -s wrr -p 60 -M 255.255.0.0\n');
    expect(rules).toContain('-a -f 9 -6 -r [fd00::1]:0 -i -w 7 --tun-type gue --tun-port 6080 --tun-remcsum\n');
  });

  it.each([
    ['goes on after a refusal, and the last line decides', '-D -t 10.9.9.9:99\n-A -t 10.9.9.9:81 -s rr\n', 'No such service\n[0]', 2],
    ['ends with the refusal of its last line', '-A -t 10.9.9.9:81 -s rr\n-D -t 10.9.9.9:99', 'No such service\n[255]', 2],
    ['ends at wrong usage', '-A -t 10.9.9.9:0\n-C\n', 'Zero port specified for non-persistent service\n[2]', 1],
    ['goes on after an unknown option', '-L --foo\n-C\n', '--foo: unknown option\n[0]', 0],
    ['skips comments, empty lines and a leading program name', '# rules\n\nipvsadm -C\n', '[0]', 0],
    ['does not restore within', '-R\n-C\n', "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n[255]", 1],
    ['ends at -v', '-v\n-C\n', 'ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n[0]', 1],
  ])('%s', async (_, input, expected, services) => {
    const b = await web();
    b.input = input;
    expect(await b.run('-R')).toBe(expected);
    expect(b.plane.services()).toHaveLength(services);
  });
});

describe('refusals', () => {
  it.each([
    ['-A -t 10.9.9.9:80 -s rr', 'Service already exists'],
    ['-A -t 10.9.9.9:81 -s slowest', 'Scheduler or persistence engine not found'],
    ['-A -u 10.9.9.9:81 -s rr --pe sip', 'Scheduler or persistence engine not found'],
    ['-E -t 10.9.9.9:81 -s rr', 'No such service'],
    ['-Z -t 10.9.9.9:81', 'No such service'],
    ['-e -t 10.9.9.9:81 -r 10.2.0.1', 'Service not defined'],
    ['-a -t 10.9.9.9:80 -r 10.2.0.1', 'Destination already exists'],
    ['-d -t 10.9.9.9:80 -r 10.2.0.2', 'No such destination'],
    ['-a -t 10.9.9.9:80 -r 10.2.0.2 -y 4', 'Numerical result out of range'],
  ])('%s', async (line, message) => {
    expect(await (await web()).run(line)).toBe(`${message}\n[255]`);
  });

  it.each([
    ['full', 'Memory allocation problem'],
    ['permission', 'Permission denied (you must be root)'],
    ['failed', 'as the test wants it'],
  ] as const)('with the code %s', async (code, message) => {
    const b = new Bed();
    const refuse = async (): Promise<never> => {
      throw new DataPlaneError(code, 'as the test wants it');
    };
    expect(await b.run('-C', { ...b.source(), flush: refuse })).toBe(`${message}\n[255]`);
    expect(await b.run('-Ln', { ...b.source(), tables: refuse })).toBe(`${message}\n[1]`);
  });

  it('without anybody to ask it says so', async () => {
    const b = new Bed();
    const refuse = async (): Promise<never> => {
      throw new SourceUnavailableError('nobody is there');
    };
    expect(await b.run('-Ln', { ...b.source(), tables: refuse })).toBe("Can't initialize ipvs: nobody is there\n[2]");
  });
});

describe('help and time-outs', () => {
  it('prints its help, with the commands and options that the grammar has', async () => {
    const help = await new Bed().run('-h');
    for (const word of ['--add-service', '--restore', '--tun-remcsum', '--persistent-conn', '--exact', '[0]']) expect(help).toContain(word);
  });

  it('sets and lists time-outs', async () => {
    const b = new Bed();
    expect(await b.run('--set 30 0 10')).toBe('[0]');
    expect(await b.run('-L --timeout')).toBe('Timeout (tcp tcpfin udp): 30 120 10\n[0]');
  });
});

describe('local addresses of full NAT', () => {
  async function fullNat(): Promise<Bed> {
    const b = new Bed();
    await b.run('-A -t 10.9.9.9:80 -s rr');
    await b.run('-a -t 10.9.9.9:80 -r 10.2.0.1:8080 --fullnat');
    return b;
  }

  it('are added, listed with their connections, saved, restored and deleted', async () => {
    const b = await fullNat();
    expect(await b.run('-P -t 10.9.9.9:80 -z 10.2.0.201')).toBe('[0]');
    expect(await b.run('--add-laddr --tcp-service 10.9.9.9:80 --laddr 10.2.0.202')).toBe('[0]');
    const [client, virtual] = [IpAddress.parse('10.0.0.7')!, IpAddress.parse('10.9.9.9')!];
    b.plane.receive({ protocol: 'tcp', client, clientPort: 4000, virtual, virtualPort: 80, length: 40, flags: { syn: true } });
    const listing = [
      'VIP:VPORT            TOTAL    SNAT_IP              CONNS',
      '10.9.9.9:80          2        10.2.0.201           1',
      '                              10.2.0.202           0',
      '[0]',
    ].join('\n');
    expect(await b.run('-G -n')).toBe(listing);
    expect(await b.run('--get-laddr -t 10.9.9.9:80 -n')).toBe(listing);
    const saved = (await b.run('-S -n')).replace('[0]', '');
    expect(saved).toContain(
      '-P -t 10.9.9.9:80 -z 10.2.0.201\n-P -t 10.9.9.9:80 -z 10.2.0.202\n-a -t 10.9.9.9:80 -r 10.2.0.1:8080 --fullnat',
    );
    await b.run('-C');
    b.input = saved;
    expect(await b.run('-R')).toBe('[0]');
    expect(await b.run('-S -n')).toBe(`${saved}[0]`);
    expect(await b.run('-Q -t 10.9.9.9:80 --local-address=10.2.0.201')).toBe('[0]');
    expect(await b.run('-E -t 10.9.9.9:80 -s wrr')).toBe('[0]');
    expect(b.plane.services()[0]?.localAddresses?.map(String)).toEqual(['10.2.0.202']);
  });

  it.each([
    ['-P -t 10.9.9.9:80', "You need to supply the 'local-address' option for the 'add-laddr' command\n[2]"],
    ['-Q -z 10.2.0.201', "You need to supply the 'service-address' option for the 'del-laddr' command\n[2]"],
    ['-P -t 10.9.9.9:80 -z here', 'illegal local address specified\n[2]'],
    ['-a -t 10.9.9.9:80 -r 10.2.0.2 -z 10.2.0.201', "Illegal 'local-address' option with the 'add-server' command\n[2]"],
    ['-P -t 10.9.9.9:80 -z 10.2.0.201', 'Local address 10.2.0.201 already exists\n[255]'],
    ['-Q -t 10.9.9.9:80 -z 10.2.0.202', 'No such local address 10.2.0.202\n[255]'],
    ['-P -t 10.9.9.9:81 -z 10.2.0.201', 'No such service\n[255]'],
    ['-P -t 10.9.9.9:80 -z fd00::1', 'Invalid operation.  Possibly wrong module version, address not unicast, ...\n[255]'],
    ['-G -t 10.9.9.9:81', 'No such service\n[255]'],
  ])('%s', async (line, answer) => {
    const b = await fullNat();
    await b.run('-P -t 10.9.9.9:80 -z 10.2.0.201');
    expect(await b.run(line)).toBe(answer);
  });

  it('do not go with one-packet scheduling, and it says why', async () => {
    const b = new Bed();
    await b.run('-A -u 10.9.9.9:53 -s rr -o');
    expect(await b.run('-a -u 10.9.9.9:53 -r 10.2.0.1:53 --fullnat')).toMatch(
      /^Operation not supported: one-packet scheduling .*\n\[255\]$/,
    );
  });
});
