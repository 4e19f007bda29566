import { describe, expect, it } from 'vitest';
import { DEFAULT_FILE, parseOptions, runDirectory } from './options.ts';

function run(...argv: string[]) {
  const parsed = parseOptions(argv);
  if (parsed.kind !== 'run') throw new Error(JSON.stringify(parsed));
  return parsed.options;
}

describe('parseOptions', () => {
  it('runs everything from the default file', () => {
    expect(run()).toMatchObject({ files: [DEFAULT_FILE], vrrp: true, checks: true, configTest: false, detail: false });
  });

  it('takes keepalived’s bundles', () => {
    expect(run('-nlDP', '-f', 'a', '-f', 'b')).toMatchObject({ files: ['a', 'b'], vrrp: true, checks: false, detail: true });
  });

  it('runs both when both are asked for', () => {
    expect(run('-P', '-C')).toMatchObject({ vrrp: true, checks: true });
  });

  it('puts what runs where nothing else of the configuration’s names is, unless it is told where', () => {
    expect(runDirectory(run(), {})).toBe('/run/vipwright');
    expect(runDirectory(run(), { networkNamespace: 'blue' })).toBe('/run/vipwright-blue');
    expect(runDirectory(run(), { instance: 'one', networkNamespace: 'blue' })).toBe('/run/vipwright-one-blue');
    expect(runDirectory(run('--run-dir', '/run/x'), { instance: 'one' })).toBe('/run/x');
  });

  it('refuses what it does not know', () => {
    expect(parseOptions(['--bogus'])).toMatchObject({ kind: 'error' });
  });
});
