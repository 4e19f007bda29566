export async function ipvsadm(_argv: readonly string[], _socketPath: string): Promise<number> {
  throw new Error('not yet');
}
