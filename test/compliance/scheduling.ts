/** Which server a new connection goes to. */
import { describe, expect, it } from 'vitest';
import { type Context, real, tcp } from './harness.ts';

export function describeScheduling(context: Context): void {
  describe('scheduling', () => {
    describeOrder(context);
    describeGates(context);
  });
}

function describeOrder({ bed }: Context): void {
  it('rr walks newest first', () => {
    expect(bed().web(3).newConnections(10)).toBe('3 2 1 3 2 1 3 2 1 3');
  });

  it.each([
    [[1, 1, 1], '3 2 1 3 2 1 3 2 1 3'],
    [[1, 2, 3], '3 2 1 3 3 2 3 2 1 3'],
    [[5, 0, 1], '3 1 1 1 1 1 3 1 1 1'],
  ])('wrr with weights %j goes %s, as Linux does', (weights, expected) => {
    const b = bed().service(tcp(80), { scheduler: 'wrr' });
    for (const [index, weight] of weights.entries()) b.plane.addServer(tcp(80), real(index + 1, weight));
    expect(b.newConnections(10)).toBe(expected);
  });

  it('rr goes on where it was when a server is added', () => {
    const b = bed().web(2);
    expect(b.newConnections(1, 1)).toBe('2');
    b.plane.addServer(tcp(80), real(3));
    expect(b.newConnections(4, 10)).toBe('1 3 2 1');
  });

  it('rr steps back when the server it points to is deleted', () => {
    const b = bed().web(3);
    expect(b.newConnections(2, 1)).toBe('3 2');
    b.plane.deleteServer(tcp(80), real(2));
    expect(b.newConnections(4, 10)).toBe('1 3 1 3');
  });

  it('wrr begins the running pass again when a weight is changed', () => {
    const b = bed().service(tcp(80), { scheduler: 'wrr' });
    b.plane.addServer(tcp(80), real(1, 1));
    b.plane.addServer(tcp(80), real(2, 6));
    expect(b.newConnections(3, 1)).toBe('2 1 2');
    b.plane.editServer(tcp(80), real(1, 4));
    expect(b.newConnections(5, 10)).toBe('2 2 1 2 1');
  });

  it('another scheduler begins at the head', () => {
    const b = bed().web(3);
    expect(b.newConnections(2, 1)).toBe('3 2');
    b.plane.editService({ key: tcp(80), scheduler: 'wrr', schedulerFlags: [], onePacket: false });
    expect(b.newConnections(3, 10)).toBe('3 2 1');
  });

  it('an edit that keeps the scheduler keeps its place', () => {
    const b = bed().web(3);
    expect(b.newConnections(2, 1)).toBe('3 2');
    b.plane.editService({ key: tcp(80), scheduler: 'rr', schedulerFlags: [], onePacket: false });
    expect(b.newConnections(2, 10)).toBe('1 3');
  });

  it('each service has a place of its own', () => {
    const b = bed().web(2).service(tcp(443));
    for (const octet of [1, 2]) b.plane.addServer(tcp(443), real(octet, 1, { port: 443 }));
    expect(b.segment('S', 1)).toBe('2');
    expect(b.segment('S', 1, 40_000, 443)).toBe('2');
    expect(b.segment('S', 2)).toBe('1');
  });
}

function describeGates({ bed }: Context): void {
  it.each(['rr', 'wrr'] as const)('%s gives nothing new to weight 0, and existing connections stay', (scheduler) => {
    const b = bed().web(3, { scheduler });
    expect(b.newConnections(3, 1)).toBe('3 2 1');
    b.plane.editServer(tcp(80), real(2, 0));
    expect(b.newConnections(4, 10).split(' ')).not.toContain('2');
    expect(b.segment('A', 2)).toBe('2');
    b.plane.editServer(tcp(80), real(2, 1));
    expect(b.newConnections(3, 20).split(' ').sort()).toEqual(['1', '2', '3']);
  });

  it('refuses new connections when no server may take them', () => {
    const b = bed().web(1);
    b.plane.editServer(tcp(80), real(1, 0));
    expect(b.segment('S', 1)).toBe('drop');
    b.plane.deleteServer(tcp(80), real(1));
    expect(b.segment('S', 1)).toBe('drop');
    b.plane.addServer(tcp(80), real(1));
    expect(b.segment('S', 1)).toBe('1');
  });

  it.each([
    ['rr', 3],
    ['wrr', 0],
  ] as const)('%s skips a server at its upper threshold until it is below the lower one, %i', (scheduler, lowerThreshold) => {
    const b = bed().service(tcp(80), { scheduler });
    b.plane.addServer(tcp(80), real(1));
    b.plane.addServer(tcp(80), real(2, 1, { upperThreshold: 2, lowerThreshold: 1 }));
    expect(b.newConnections(5)).toBe('2 1 2 1 1');
    // Raised thresholds hold at once, but two connections are not below a lower threshold of one.
    b.plane.editServer(tcp(80), real(2, 1, { upperThreshold: 9, lowerThreshold: 1 }));
    expect(b.newConnections(2, 110)).toBe('1 1');
    // But they are below three; and, where there is no lower threshold, below three quarters of four.
    b.plane.editServer(tcp(80), real(2, 1, { upperThreshold: 4, lowerThreshold }));
    expect(
      b
        .newConnections(4, 120)
        .split(' ')
        .filter((octet) => octet === '2'),
    ).toHaveLength(2);
  });

  it('a threshold that is already passed when it is set stops a server at once', () => {
    const b = bed().web(2);
    expect(b.newConnections(4)).toBe('2 1 2 1');
    b.plane.editServer(tcp(80), real(2, 1, { upperThreshold: 2 }));
    expect(b.newConnections(2, 110)).toBe('1 1');
    b.plane.editServer(tcp(80), real(2));
    expect(b.newConnections(2, 120).split(' ').sort().join(' ')).toBe('1 2');
  });

  it('refuses new connections when every server is over its threshold', () => {
    const b = bed().service(tcp(80));
    b.plane.addServer(tcp(80), real(1, 1, { upperThreshold: 1 }));
    expect(b.newConnections(2)).toBe('1 drop');
    expect(b.segment('A', 100)).toBe('1');
  });
}
