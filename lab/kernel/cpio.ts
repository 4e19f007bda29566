/** An initial RAM file system: a cpio archive in the "newc" format, which the kernel unpacks before anything else. */

export interface RamFile {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Absent for a directory. */
  readonly content?: Uint8Array;
}

const DIRECTORY = 0o040000;
const REGULAR = 0o100000;
const TRAILER = 'TRAILER!!!';

/** Directories must stand before what is in them. */
export function cpioArchive(files: readonly RamFile[]): Uint8Array {
  const parts = files.map((file, index) => entry(index + 1, file.path, (file.content ? REGULAR : DIRECTORY) | file.mode, file.content));
  return Buffer.concat([...parts, entry(0, TRAILER, 0)]);
}

function entry(inode: number, path: string, mode: number, content: Uint8Array = new Uint8Array()): Uint8Array {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, mtime, size, device numbers of the file (2) and of what it stands for (2), name's length, checksum.
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)]);
}

/** Headers with their names, and contents, end at multiples of four bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]);
}
