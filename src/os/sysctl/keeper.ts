/** Kernel settings that are ours for a while: their former values are put back when they are wanted no longer. */
import { readSysctl, type SysctlName, writeSysctl } from './sysctl.ts';

export interface SavedSysctl {
  readonly name: SysctlName;
  readonly value: string;
}

export class SysctlKeeper {
  private readonly report: (problem: string) => void;
  private readonly originals = new Map<string, SavedSysctl>();

  /** `report` hears of settings that could not be written (a container's read-only /proc/sys); nothing is thrown. */
  constructor(report: (problem: string) => void) {
    this.report = report;
  }

  /** Makes exactly these settings hold: writes those that differ, and puts back those of an earlier call that are not among them. */
  want(wanted: readonly { readonly name: SysctlName; readonly value: string | number }[]): void {
    const keys = new Set(wanted.map(({ name }) => name.join('/')));
    for (const [key, saved] of this.originals) if (!keys.has(key)) this.putBack(key, saved);
    for (const { name, value } of wanted) this.set(name, String(value));
  }

  /** The values that were there before, for whoever must put them back in our stead. */
  saved(): readonly SavedSysctl[] {
    return [...this.originals.values()];
  }

  /** What a setting was before we changed it, else what it is. */
  original(name: SysctlName): string | undefined {
    return this.originals.get(name.join('/'))?.value ?? this.attempt(() => readSysctl(name));
  }

  restore(): void {
    this.want([]);
  }

  private set(name: SysctlName, value: string): void {
    const before = this.attempt(() => readSysctl(name));
    if (before === undefined || before === value) return;
    this.attempt(() => writeSysctl(name, value));
    const key = name.join('/');
    if (!this.originals.has(key)) this.originals.set(key, { name, value: before });
  }

  private putBack(key: string, { name, value }: SavedSysctl): void {
    this.originals.delete(key);
    // The interface may be gone, and its settings with it.
    if (this.attempt(() => readSysctl(name)) !== undefined) this.attempt(() => writeSysctl(name, value));
  }

  private attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.report((error as Error).message);
      return undefined;
    }
  }
}

/** Puts values back that somebody else saved and cannot restore any more. Settings that are gone are passed over. */
export function restoreSysctls(saved: readonly SavedSysctl[], report: (problem: string) => void): void {
  for (const { name, value } of saved) {
    try {
      if (readSysctl(name) !== undefined) writeSysctl(name, value);
    } catch (error) {
      report((error as Error).message);
    }
  }
}
