/**
 * Every combination of what two routers can agree on, and for each one either two virtual routers on the segment (one that we are preferred
 * for, one that the peer is) or the reason why there are none.
 */

export type Peer = 'keepalived' | 'frr';
export type Side = 'ours' | 'peer';

export interface Cell {
  readonly peer: Peer;
  readonly version: 2 | 3;
  readonly family: 'IPv4' | 'IPv6';
  readonly way: 'multicast' | 'unicast';
  readonly authentication: 'none' | 'PASS' | 'AH';
  readonly preempt: boolean;
}

/** Why a cell is empty, and the words by which the peer says so itself. */
export interface Reason {
  readonly text: string;
  readonly peerSays: string;
  /** It says so of what it hears, and nothing of its configuration. */
  readonly whenHeard?: true;
  readonly applies: (cell: Cell) => boolean;
}

/** The first one that applies is the cell's. */
export const REASONS: readonly Reason[] = [
  {
    text: 'keepalived sends no password over IPv6, and crashes when it hears that there is one',
    peerSays: 'exited due to segmentation fault',
    whenHeard: true,
    applies: (cell) => isKeepalivedsOwn(cell) && cell.authentication === 'PASS',
  },
  {
    text: 'The authentication header is for IPv4: keepalived leaves it out, and so do we',
    peerSays: 'Cannot use AH authentication with IPv6. ignoring',
    applies: (cell) => isKeepalivedsOwn(cell) && cell.authentication === 'AH',
  },
  {
    text: 'VRRP version 3 has no authentication: keepalived leaves it out, and so do we',
    peerSays: 'VRRP version 3 does not support authentication',
    applies: ({ peer, version, authentication }) => peer === 'keepalived' && version === 3 && authentication !== 'none',
  },
  {
    text: 'FRR knows no unicast peers',
    peerSays: 'unicast',
    applies: ({ peer, way }) => peer === 'frr' && way === 'unicast',
  },
  {
    text: 'FRR knows no authentication',
    peerSays: 'authentication',
    applies: ({ peer, authentication }) => peer === 'frr' && authentication !== 'none',
  },
  {
    text: 'VRRP version 2 has no IPv6: FRR refuses it',
    peerSays: 'VRRPv2 does not support v6',
    applies: ({ peer, version, family }) => peer === 'frr' && version === 2 && family === 'IPv6',
  },
];

/** The version 2 over IPv6 that no RFC has. */
function isKeepalivedsOwn({ peer, version, family }: Cell): boolean {
  return peer === 'keepalived' && version === 2 && family === 'IPv6';
}

export const CELLS: readonly Cell[] = (['keepalived', 'frr'] as const).flatMap((peer) =>
  ([2, 3] as const).flatMap((version) =>
    (['IPv4', 'IPv6'] as const).flatMap((family) =>
      (['multicast', 'unicast'] as const).flatMap((way) =>
        (['none', 'PASS', 'AH'] as const).flatMap((authentication) =>
          [true, false].map((preempt) => ({ peer, version, family, way, authentication, preempt })),
        ),
      ),
    ),
  ),
);

export function reasonFor(cell: Cell): Reason | undefined {
  return REASONS.find((reason) => reason.applies(cell));
}

const PREFERRED_PRIORITY = 150;
const OTHER_PRIORITY = 100;
/** What a failing script adds: enough to put the preferred router below the other. */
export const LOWERED_BY = -60;

/** A virtual router of a cell. Its names and addresses follow from the VRID. */
export interface MatrixRouter {
  readonly cell: Cell;
  readonly preferred: Side;
  readonly vrid: number;
  readonly name: string;
  /** The address by which its holder is known. */
  readonly vip: string;
}

/** All virtual routers of the matrix: they live on one segment, each with a VRID of its own. */
export const ROUTERS: readonly MatrixRouter[] = CELLS.filter((cell) => !reasonFor(cell))
  .flatMap((cell) => (['ours', 'peer'] as const).map((preferred) => ({ cell, preferred })))
  .map(({ cell, preferred }, index) => {
    const vrid = index + 1;
    const vip = cell.family === 'IPv4' ? `10.9.1.${vrid}` : `fd09::c:${vrid.toString(16)}`;
    return { cell, preferred, vrid, name: `VI_${vrid}`, vip };
  });

export function priorityOf(router: MatrixRouter, side: Side): number {
  return router.preferred === side ? PREFERRED_PRIORITY : OTHER_PRIORITY;
}

export function titleOf({ peer, version, family, way, authentication, preempt }: Cell): string {
  return `${peer} v${version} ${family} ${way} ${authentication} ${preempt ? 'preempt' : 'nopreempt'}`;
}

export function labelOf(router: MatrixRouter): string {
  return `${titleOf(router.cell)}, ${router.preferred} preferred (${router.name})`;
}

/** Who must hold each virtual router after what has happened: the rules of RFC 9568, without a clock. */
export class Oracle {
  private readonly holders = new Map<MatrixRouter, Side>();
  /** Held by both, who cannot hear each other. */
  private readonly split = new Set<MatrixRouter>();

  holds(router: MatrixRouter, side: Side): boolean {
    return this.holders.get(router) === side || this.split.has(router);
  }

  /** This side is the only one there is. */
  alone(side: Side): void {
    for (const router of ROUTERS) this.holders.set(router, side);
  }

  /** This side does not serve any longer. */
  lost(side: Side): void {
    for (const router of ROUTERS) if (this.holders.get(router) === side) this.holders.set(router, other(side));
  }

  /** This side has no link. FRR does not care: where it hears nobody it is the master. */
  cutOff(side: Side): void {
    this.lost(side);
    if (side === 'peer') for (const router of ROUTERS) if (router.cell.peer === 'frr') this.split.add(router);
  }

  /** This side is there (again), with its full priority. */
  back(side: Side): void {
    for (const router of ROUTERS) {
      // Between two masters priority decides, and `nopreempt` says nothing.
      if (this.split.has(router)) this.holders.set(router, router.preferred);
      else if (router.preferred === side && router.cell.preempt) this.holders.set(router, side);
    }
    this.split.clear();
  }

  /** This side's priority is below the other's, everywhere: whoever may preempt it does. */
  lowered(side: Side): void {
    for (const router of ROUTERS) if (router.cell.preempt) this.holders.set(router, other(side));
  }
}

function other(side: Side): Side {
  return side === 'ours' ? 'peer' : 'ours';
}
