/** What a machine is like, as far as the commands of setup.mjs depend on it. */
export interface MachineFacts {
  readonly node: string;
  readonly platform: string;
  readonly kernel: string;
  readonly hasTypeInformation: boolean;
  readonly root: boolean;
  readonly capabilities: bigint;
  readonly aptGet: boolean;
  readonly missing: readonly string[];
}

export function lookAtMachine(groups: readonly string[]): MachineFacts;
export function obstacles(command: { readonly privileged: boolean }, machine: MachineFacts): string[];
