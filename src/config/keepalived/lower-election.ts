/** What decides an election: version, priority, interval, authentication, preemption, and what strict mode makes of them. */
import { type IpFamily, MICROS_PER_SECOND, seconds } from '../../base/index.ts';
import type { AhAuthentication, PassAuthentication, VirtualRouter } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, placeOf } from './bind.ts';
import type { Context } from './context.ts';
import type { Token } from './lexer.ts';
import { tokenPlace } from './syntax.ts';

/** RFC 3768 section 5.3.10: eight bytes of authentication data. */
const PASSWORD_BYTES = 8;
const OWNER = 255;
const USUAL_PRIORITY = 100;
const CENTISECOND = MICROS_PER_SECOND / 100;
/** RFC 9568 section 5.2.7: twelve bits of centiseconds. */
const LONGEST_V3_INTERVAL = 4095 * CENTISECOND;

interface Circumstances {
  readonly family: IpFamily;
  readonly strict: boolean;
  readonly addressed: boolean;
}

type Election = Pick<
  VirtualRouter,
  | 'version'
  | 'wantsMaster'
  | 'priority'
  | 'advertInterval'
  | 'authentication'
  | 'noPreempt'
  | 'preemptDelay'
  | 'downTimerAdverts'
  | 'accept'
  | 'checksumWithoutPseudoHeader'
  | 'lowerPriorityNoAdvert'
  | 'higherPrioritySendAdvert'
  | 'ownerIgnoreAdverts'
  | 'timerExpiredBackup'
>;

export function readElection(name: string, block: BoundBlock, circumstances: Circumstances, context: Context): Election {
  const { globals } = context;
  const { strict } = circumstances;
  const version = readVersion(block, circumstances, context);
  const authentication = readAuthentication(block, version, circumstances, context);
  const { wantsMaster, priority } = readPriority(name, block, { strict, ah: authentication?.type === 'ah' }, context);
  const timerExpired = block.last('timer_expired_backup')?.value;
  return {
    version,
    wantsMaster,
    priority,
    advertInterval: readAdvertInterval(block, version, context),
    ...(authentication && { authentication }),
    ...readPreemption(block, wantsMaster, priority, strict, context),
    downTimerAdverts: block.number('down_timer_adverts') ?? globals.downTimerAdverts,
    accept: readAccept(name, block, { ...circumstances, version, priority }, context),
    checksumWithoutPseudoHeader: block.flag('v3_checksum_as_v2') ?? globals.checksumWithoutPseudoHeader,
    ...readManners(block, strict, context),
    ...(timerExpired !== undefined && { timerExpiredBackup: typeof timerExpired === 'number' ? timerExpired : OWNER - 1 }),
  };
}

/** What `global_defs` says is of IPv4 only, as in keepalived: over IPv6 a virtual router must say itself that it wants version 2. */
function readVersion(block: BoundBlock, { family, strict }: Circumstances, { globals, reporter }: Context): 2 | 3 {
  const bound = block.last('version');
  const given = block.number('version');
  if (family === 4) return (given ?? globals.version) === 3 ? 3 : 2;
  if (!bound || given !== 2) return 3;
  if (strict) {
    reporter.report(
      'config/version-forced',
      placeOf(bound),
      'VRRP version 2 knows no IPv6: in strict mode this virtual router speaks version 3, as in keepalived.',
      { help: 'Write version 3, or remove the line.' },
    );
    return 3;
  }
  reporter.report(
    'config/version-2-over-ipv6',
    placeOf(bound),
    'No RFC has VRRP version 2 over IPv6. This virtual router speaks it as keepalived does, which nobody else understands.',
    { help: 'Write version 3 on all directors of this virtual router, at the same time.' },
  );
  return 2;
}

function readPriority(
  name: string,
  block: BoundBlock,
  { strict, ah }: { readonly strict: boolean; readonly ah: boolean },
  { reporter }: Context,
): Pick<VirtualRouter, 'wantsMaster' | 'priority'> {
  const state = block.last('state');
  const wantsMaster = state?.value === 'MASTER';
  // keepalived takes a MASTER without a priority for the owner of its addresses.
  const priority = block.number('priority') ?? (wantsMaster && !block.has('priority') ? OWNER : USUAL_PRIORITY);
  const owner = priority === OWNER;
  if (state && owner && !wantsMaster)
    reporter.report(
      'config/owner-not-master',
      placeOf(state),
      'Priority 255 is for the owner of the addresses, which is MASTER whenever it lives; state BACKUP only makes it wait once.',
      {
        help: 'Write state MASTER, or a priority below 255.',
      },
    );
  if (state && strict && wantsMaster && !owner)
    reporter.report(
      'config/strict-ignores',
      placeOf(state),
      `In strict mode only the owner of the addresses (priority 255) starts as MASTER, and ${name} has priority ${priority}. It counts as BACKUP.`,
    );
  if (state && ah && wantsMaster)
    reporter.report(
      'config/ah-with-master',
      placeOf(state),
      'A MASTER that starts with auth_type AH would repeat sequence numbers that the others have seen: it counts as BACKUP, as in keepalived.',
      { help: 'Write state BACKUP, or auth_type PASS.' },
    );
  if (ah) return { wantsMaster: false, priority };
  if (strict) return { wantsMaster: owner, priority };
  return { wantsMaster: wantsMaster || (owner && !block.has('state')), priority };
}

function readAdvertInterval(block: BoundBlock, version: 2 | 3, { reporter }: Context): number {
  const bound = block.last('advert_int');
  const interval = block.number('advert_int') ?? seconds(1);
  if (!bound) return interval;
  if (version === 3) {
    if (interval > LONGEST_V3_INTERVAL)
      reporter.report(
        'config/out-of-range',
        placeOf(bound),
        'VRRP version 3 counts the advertisement interval in centiseconds, up to 40.95 seconds.',
        {
          help: 'Write advert_int 40.95 or less.',
        },
      );
    return Math.min(Math.round(interval / CENTISECOND) * CENTISECOND, LONGEST_V3_INTERVAL);
  }
  if (interval % MICROS_PER_SECOND === 0) return interval;
  const rounded = Math.max(Math.round(interval / MICROS_PER_SECOND), 1);
  reporter.report(
    'config/out-of-range',
    placeOf(bound),
    `VRRP version 2 counts the advertisement interval in whole seconds, from 1 to 255. keepalived takes ${rounded} instead.`,
    { help: `Write advert_int ${rounded}, or version 3 on all directors of this virtual router.` },
  );
  return seconds(rounded);
}

function readAuthentication(
  block: BoundBlock,
  version: 2 | 3,
  { family, strict }: Circumstances,
  { reporter }: Context,
): PassAuthentication | AhAuthentication | undefined {
  const bound = block.last('authentication');
  const inner = bound?.block;
  if (!bound || !inner) return undefined;
  const type = inner.text('auth_type');
  const password = inner.last('auth_pass');
  if (version === 3 || strict) {
    reporter.report(
      'config/authentication-ignored',
      placeOf(bound),
      `${version === 3 ? 'VRRP version 3' : 'Strict mode'} knows no authentication: the block is ignored, and advertisements are believed without a password.`,
      { help: 'Remove the block. Unicast with check_unicast_src keeps strangers out.' },
    );
    return undefined;
  }
  if (type === undefined || !password || typeof password.value !== 'string') return undefined;
  const bytes = new TextEncoder().encode(password.value);
  if (bytes.length > PASSWORD_BYTES) reportTruncated(password, bytes.length, reporter);
  if (family === 6 && !isCarriedOverIpv6(bound, type, reporter)) return undefined;
  return { type: type === 'AH' ? 'ah' : 'pass', password: bytes.slice(0, PASSWORD_BYTES) };
}

/** keepalived's version 2 over IPv6 has the type of authentication in its header and no place for what belongs to it. */
function isCarriedOverIpv6(bound: BoundStatement, type: string, reporter: Context['reporter']): boolean {
  if (type === 'AH') {
    reporter.report(
      'config/authentication-ignored',
      placeOf(bound),
      'The authentication header is for IPv4: the block is ignored, as in keepalived, and advertisements are believed without it.',
      { help: 'Remove the block. Unicast with check_unicast_src keeps strangers out.' },
    );
    return false;
  }
  reporter.report(
    'config/password-not-sent',
    placeOf(bound),
    'Version 2 over IPv6 says that there is a password and does not send it, so it protects nothing; and keepalived 2.2.7 crashes when it hears that.',
    { help: 'Remove the block on all directors of this virtual router, at the same time.' },
  );
  return true;
}

function reportTruncated(password: BoundStatement, length: number, reporter: Context['reporter']): void {
  reporter.report(
    'config/password-truncated',
    tokenPlace(password.source, password.statement.words[1] as Token),
    `The password has ${length} bytes and VRRP carries ${PASSWORD_BYTES}: only the first ${PASSWORD_BYTES} count, as in keepalived.`,
    { help: `Write a password of at most ${PASSWORD_BYTES} bytes.` },
  );
}

function readPreemption(
  block: BoundBlock,
  wantsMaster: boolean,
  priority: number,
  strict: boolean,
  { reporter }: Context,
): Pick<VirtualRouter, 'noPreempt' | 'preemptDelay'> {
  const noPreempt = block.last('nopreempt');
  const delay = block.last('preempt_delay');
  const reason = wantsMaster ? 'state MASTER' : 'priority 255';
  const never = wantsMaster || priority === OWNER;
  for (const bound of [noPreempt, delay]) {
    if (!bound || bound.value === 0 || !never) continue;
    reporter.report(
      'config/nopreempt-with-master',
      placeOf(bound),
      `${bound.keyword.name} has no effect together with ${reason} and is ignored.`,
      {
        help: wantsMaster ? 'Write state BACKUP on all directors of this virtual router.' : 'Use a priority below 255.',
      },
    );
  }
  if (never) return { noPreempt: false, preemptDelay: 0 };
  const stays = noPreempt !== undefined && !block.has('preempt');
  if (stays && delay)
    reporter.report('config/no-effect', placeOf(delay), 'preempt_delay has no effect together with nopreempt and is ignored.');
  else if (strict && delay && delay.value !== 0)
    reporter.report('config/strict-ignores', placeOf(delay), 'Strict mode knows no preempt_delay; it is ignored, as in keepalived.');
  return { noPreempt: stays, preemptDelay: stays || strict ? 0 : (block.number('preempt_delay') ?? 0) };
}

/** Strict mode does what the RFCs say: nobody but the owner answers on the addresses, unless version 3 is told to. */
function readAccept(
  name: string,
  block: BoundBlock,
  { strict, version, priority, addressed }: Circumstances & { version: 2 | 3; priority: number },
  { reporter }: Context,
): boolean {
  const accept = block.last('accept');
  if (priority === OWNER) return true;
  if (block.has('no_accept')) return false;
  if (!strict) return true;
  if (accept && version === 3) return true;
  const help = version === 3 ? 'Write accept, or remove strict mode.' : 'Remove strict mode, or write version 3 and accept.';
  if (accept)
    reporter.report(
      'config/strict-ignores',
      placeOf(accept),
      'Strict mode of version 2 knows no accept: the addresses will not answer, not even to ping.',
      { help },
    );
  else if (addressed) {
    const bound = block.last('strict_mode') ?? block.last('virtual_ipaddress');
    if (bound)
      reporter.report(
        'config/vip-not-answering',
        placeOf(bound),
        `In strict mode the addresses of ${name} forward but do not answer: no ping, no service on this host.`,
        { help },
      );
  }
  return false;
}

/** How a MASTER treats others; strict mode has fixed ideas of it. */
function readManners(
  block: BoundBlock,
  strict: boolean,
  { globals, reporter }: Context,
): Pick<VirtualRouter, 'lowerPriorityNoAdvert' | 'higherPrioritySendAdvert' | 'ownerIgnoreAdverts'> {
  const fixed = { lower_prio_no_advert: true, higher_prio_send_advert: false } as const;
  for (const [name, value] of Object.entries(fixed)) {
    const bound = block.last(name);
    if (strict && bound && bound.value === !value)
      reporter.report('config/strict-ignores', placeOf(bound), `In strict mode ${name} is ${value ? 'on' : 'off'}; the line is ignored.`);
  }
  return {
    lowerPriorityNoAdvert: strict || (block.flag('lower_prio_no_advert') ?? globals.lowerPriorityNoAdvert),
    higherPrioritySendAdvert: !strict && (block.flag('higher_prio_send_advert') ?? globals.higherPrioritySendAdvert),
    ownerIgnoreAdverts: strict || (block.flag('owner_ignore_adverts') ?? globals.ownerIgnoreAdverts),
  };
}
