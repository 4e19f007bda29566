import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import type { RunState } from './assess.ts';
import { formatReport, parseRequest, runRealserver } from './command.ts';

describe('the arguments', () => {
  it('are one action and a list of addresses, each once', () => {
    const request = parseRequest('start', { vip: '192.168.18.200, 192.168.18.201,192.168.18.200', mode: 'dr' });
    expect(request).toEqual({ action: 'start', vips: [IpAddress.parse('192.168.18.200'), IpAddress.parse('192.168.18.201')] });
  });

  it.each([
    ['restart', {}, 'start, stop or status'],
    ['start', {}, '--vip'],
    ['start', { vip: '192.168.18.200/24' }, '192.168.18.200/24'],
    ['start', { vip: '' }, 'not an IP address'],
    ['start', { vip: 'fe80::1' }, 'unicast'],
    ['start', { vip: 'ff02::12' }, 'unicast'],
    ['start', { vip: '::1' }, 'unicast'],
    ['start', { vip: '127.0.0.1' }, 'unicast'],
    ['start', { vip: '224.0.0.18' }, 'unicast'],
    ['start', { vip: '0.0.0.0' }, 'unicast'],
    ['stop', { vip: '192.168.18.200', mode: 'nat' }, '"nat"'],
  ])('%s %o is wrong usage', async (action, options, words) => {
    const errors: string[] = [];
    const code = await runRealserver(action, options, { out: () => {}, err: (text) => errors.push(text) });
    expect(code).toBe(2);
    expect(errors.join('')).toContain(words);
    expect(errors.join('')).toContain('[realserver/usage]');
  });

  it('report wrong usage as JSON on standard output when JSON is asked for', async () => {
    const output: string[] = [];
    await runRealserver('start', { json: true }, { out: (text) => output.push(text), err: () => {} });
    expect(JSON.parse(output.join(''))).toMatchObject({ error: { code: 'realserver/usage' } });
  });
});

describe('the text', () => {
  const text = (state: RunState) => {
    const vips = [IpAddress.parse('192.168.18.200')!];
    return formatReport({ action: 'status', mode: 'dr', state, problems: [], vips, decapsulators: [], changes: [], notes: [] });
  };

  it('says running or stopped as heartbeat reads it, and neither for half a set-up', () => {
    expect(text('running')).toMatch(/\brunning\b/);
    expect(text('running')).not.toMatch(/stopped/);
    expect(text('stopped')).toMatch(/\bstopped\b/);
    expect(text('stopped')).not.toMatch(/running|OK/i);
    expect(text('partly')).not.toMatch(/running|stopped|OK/i);
  });
});
