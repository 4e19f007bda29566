import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireInstanceLock, type InstanceLock } from './index.ts';

describe('acquireInstanceLock', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'vipwright-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is one at a time, names the holder, and leaves nothing behind', () => {
    const path = join(directory, 'run', 'vipwright.lock');
    const lock = acquireInstanceLock(path) as InstanceLock;
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    expect(acquireInstanceLock(path)).toEqual({ heldBy: process.pid });
    lock.release();
    expect(existsSync(path)).toBe(false);
    const again = acquireInstanceLock(path) as InstanceLock;
    expect(again.path).toBe(path);
    again.release();
  });

  it('does not believe a number that an unclean end left in the file', () => {
    const path = join(directory, 'stale.lock');
    writeFileSync(path, '1\nand more\n');
    const lock = acquireInstanceLock(path) as InstanceLock;
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
  });
});
