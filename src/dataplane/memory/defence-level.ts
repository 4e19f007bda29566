/** When IPVS's defences are on: the kernel's update_defense_level, which runs once a second. */
import type { DefenceMode, DefenceSettings } from '../../model/index.ts';

/** Something that connections take, and below how much of it the automatic modes are on. */
export interface Supply {
  readonly available: number;
  readonly threshold: number;
}

export interface DefenceLevel {
  /** As they are now: an automatic one is 2 while it is on and 1 while it is not. */
  readonly modes: Pick<DefenceSettings, 'dropEntry' | 'dropPacket' | 'secureTcp'>;
  /** Of so many new connections one is refused; 0: none is. */
  readonly dropRate: number;
  /** Whether the count to the next refused connection begins anew: each second in the automatic mode, as in the kernel. */
  readonly countsAnew: boolean;
}

/** The level for the next second. Of several supplies the one that has become scarcest counts. */
export function defenceLevel(settings: DefenceSettings, supplies: readonly Supply[]): DefenceLevel {
  const scarce = supplies.filter(({ available, threshold }) => available < threshold);
  const modeOf = (mode: DefenceMode): DefenceMode => (mode === 0 || mode === 3 ? mode : scarce.length > 0 ? 2 : 1);
  const modes = { dropEntry: modeOf(settings.dropEntry), dropPacket: modeOf(settings.dropPacket), secureTcp: modeOf(settings.secureTcp) };
  const rates = scarce.map(({ available, threshold }) => Math.floor(threshold / (threshold - available)));
  const dropRate = modes.dropPacket === 3 ? settings.dropRate : modes.dropPacket === 2 ? Math.min(...rates) : 0;
  return { modes, dropRate, countsAnew: modes.dropPacket === 2 };
}

/** Whether a defence is on in its present mode. */
export function isOn(mode: DefenceMode): boolean {
  return mode > 1;
}
