/** Counters of a service or server, and the rates that IPVS's estimator makes of them. */
import type { Instant } from '../../base/index.ts';
import { seconds } from '../../base/index.ts';
import type { Counters, Rates } from '../../ports/index.ts';

/** The estimator's step (kernel: EST_TIME). */
const STEP = seconds(2);

/** Fixed-point scales: connections and packets per second are kept times 2^10, bytes per second times 2^5. */
const PACKET_SCALE = 1024;
const BYTE_SCALE = 32;

const NAMES = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;
type Name = (typeof NAMES)[number];
type Figures = Record<Name, number>;

function nought(): Figures {
  return { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
}

export class Meter {
  private readonly total = nought();
  /** Totals at the estimator's last step. */
  private readonly folded = nought();
  private readonly scaledRates = nought();

  connection(): void {
    this.total.connections++;
  }

  /** `length` is the packet's length from the IP header on. */
  packetIn(length: number): void {
    this.total.inPackets++;
    this.total.inBytes += length;
  }

  /** What was counted elsewhere since the last time. */
  add(figures: Partial<Figures>): void {
    for (const name of NAMES) this.total[name] += figures[name] ?? 0;
  }

  /** `ipvsadm -Z`: totals and rates start again from nothing. */
  zero(): void {
    for (const name of NAMES) {
      this.total[name] = 0;
      this.folded[name] = 0;
      this.scaledRates[name] = 0;
    }
  }

  /** One step of the estimator: the average moves a quarter of the way towards the rate of the last two seconds. */
  step(): void {
    for (const name of NAMES) {
      const scale = scaleOf(name);
      const rate = ((this.total[name] - this.folded[name]) * scale) / 2;
      this.scaledRates[name] += Math.floor((rate - this.scaledRates[name]) / 4);
      this.folded[name] = this.total[name];
    }
  }

  counters(): Counters {
    const { connections, inPackets, outPackets, inBytes, outBytes } = this.total;
    return {
      connections: BigInt(connections),
      inPackets: BigInt(inPackets),
      outPackets: BigInt(outPackets),
      inBytes: BigInt(inBytes),
      outBytes: BigInt(outBytes),
    };
  }

  rates(): Rates {
    const rates = nought();
    // Rounded as the kernel exports them: (v + 0x1FF) >> 10 and (v + 0xF) >> 5.
    for (const name of NAMES) rates[name] = Math.floor((this.scaledRates[name] + scaleOf(name) / 2 - 1) / scaleOf(name));
    return rates;
  }
}

/** Says how many steps of the estimator are due; one clock for all meters of a data plane. */
export class EstimatorClock {
  private last: Instant;

  constructor(now: Instant) {
    this.last = now;
  }

  /** Steps due since the last call. More than a handful change nothing any more, so a long pause gives no long loop. */
  stepsDue(now: Instant): number {
    const due = Math.floor((now - this.last) / STEP);
    this.last += due * STEP;
    return Math.min(due, 256);
  }
}

function scaleOf(name: Name): number {
  return name === 'inBytes' || name === 'outBytes' ? BYTE_SCALE : PACKET_SCALE;
}
