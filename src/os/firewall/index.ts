/** Asks the firewall's own programs what it has. */
import { execFile } from 'node:child_process';

const LIMIT_MS = 5_000;
const MAX_OUTPUT = 16 * 1024 * 1024;

/** What each prints; absent where the program is not there, or fails. */
export async function listFirewall(): Promise<{ readonly iptables?: string; readonly ip6tables?: string; readonly nft?: string }> {
  const [iptables, ip6tables, nft] = await Promise.all([
    output('iptables-save', ['-t', 'mangle']),
    output('ip6tables-save', ['-t', 'mangle']),
    output('nft', ['-j', 'list', 'ruleset']),
  ]);
  return { ...(iptables !== undefined && { iptables }), ...(ip6tables !== undefined && { ip6tables }), ...(nft !== undefined && { nft }) };
}

function output(program: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, words, { timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT, encoding: 'utf8' }, (error, text) =>
      resolve(error ? undefined : text),
    );
  });
}
