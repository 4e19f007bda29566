import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxFileIo, replaceFile } from './linux.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vipwright-files-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(name: string, content: string | Uint8Array, mode: number): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe('replacing a file', () => {
  it('keeps its mode and leaves nothing beside it', () => {
    const path = make('a.conf', 'old', 0o640);
    replaceFile(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is a new file: who has the old one open reads the old text', () => {
    const path = make('inode.conf', 'old', 0o600);
    const before = statSync(path).ino;
    replaceFile(path, 'new');
    expect(statSync(path).ino).not.toBe(before);
  });

  it('follows a symbolic link and leaves it one', () => {
    const path = make('target.conf', 'old', 0o600);
    const link = join(folder, 'link.conf');
    symlinkSync(path, link);
    replaceFile(link, 'new');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('gives back bytes that are no UTF-8', () => {
    const bytes = Uint8Array.of(0x23, 0xb1, 0xb8, 0x0a);
    const path = make('gbk.conf', bytes, 0o600);
    replaceFile(path, linuxFileIo().readFile(path));
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
  });

  it('says what is wrong when there is none', () => {
    expect(() => replaceFile(join(folder, 'missing'), '')).toThrow(/ENOENT/);
  });
});

describe('programs of this host', () => {
  const find = (program: string) => linuxFileIo().findProgram?.(program);

  it('are found by path and by name', () => {
    expect(find('/bin/sh')).toMatchObject({ executable: true });
    expect(find('sh')).toMatchObject({ executable: true });
    expect(find('/no/such/program')).toBeUndefined();
    expect(find('no-such-program')).toBeUndefined();
  });

  it('may be not executable, or open to others', () => {
    expect(find(make('plain', '', 0o644))).toMatchObject({ executable: false });
    const open = make('open', '', 0o777);
    // Under a folder of a user other than root that folder is named, as it comes first.
    expect(open.startsWith(find(open)?.alterable ?? 'nothing')).toBe(true);
  });
});
