/** Changes nftables by nft(8), which speaks its own language and applies a whole script or nothing of it. */
import { spawn, spawnSync } from 'node:child_process';

/** Resolves with what went wrong, or undefined. */
export function runNft(script: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let problem = '';
    child.stderr.on('data', (chunk: Buffer) => {
      problem += chunk;
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code === 0 ? undefined : problem.trim() || `nft exited with status ${code}`));
    // nft that could not be started has no standard input to write to.
    child.stdin.on('error', () => undefined);
    child.stdin.end(script);
  });
}

/** The same for a process that has no time to wait. */
export function runNftSync(script: string): string | undefined {
  const result = spawnSync('nft', ['-f', '-'], { encoding: 'utf8', input: script });
  if (result.error) return result.error.message;
  return result.status === 0 ? undefined : result.stderr.trim();
}
