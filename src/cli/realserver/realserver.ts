/** `vipwright realserver`: makes this host a real server of LVS-DR, LVS-TUN or full NAT, or an ordinary host again, and says which of the two it is. */
import { type IpAddress, unreachable } from '../../base/index.ts';
import { type Assessment, assess, currentRecord } from './assess.ts';
import type { RealServerHost } from './host.ts';
import { asPrefix, type HostState, interfaceNamed, LOOPBACK } from './host-state.ts';
import { type Plan, planStart, planStop, type StartRequest, type Step } from './plan.ts';
import { formatRecord, parseRecord, type RealServerRecord } from './record.ts';
import { describeTunnel, type PlacedTunnel, type Tunnel } from './tunnel.ts';

export type RealServerAction = 'start' | 'stop' | 'status';

/** What was done and what is now, as `--json` prints it. */
export interface RealServerReport extends Assessment {
  readonly action: RealServerAction;
  /** One line for each change that was made, in order. */
  readonly changes: readonly string[];
  readonly notes: readonly string[];
}

export type RealServerErrorCode = 'realserver/refused' | 'realserver/record' | 'realserver/namespace' | 'realserver/failed';

/** Nothing is left half done: a start that throws has undone what it had changed. */
export class RealServerError extends Error {
  override readonly name = 'RealServerError';
  readonly code: RealServerErrorCode;

  constructor(code: RealServerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface RealServerRequest {
  readonly action: RealServerAction;
  /** start needs some; without any, stop and status mean those that start recorded. */
  readonly vips?: readonly IpAddress[] | undefined;
  /** start of the mode `tun`: how packets for the VIPs come. */
  readonly tunnel?: TunnelRequest | undefined;
  /** start of the mode `fullnat`: prefixes of the addresses that directors send from. */
  readonly localAddresses?: readonly string[] | undefined;
}

export interface TunnelRequest extends Tunnel {
  /** Default: those by which the directors are reached. */
  readonly interfaces?: readonly string[] | undefined;
}

/** Throws RealServerError. */
export function realServer(request: RealServerRequest, host: RealServerHost): RealServerReport {
  const { action, vips, tunnel, localAddresses } = request;
  if (action === 'status') return report(action, host.state(), loadRecord(host), vips, [], []);
  return host.exclusively(() => {
    const before = host.state();
    const record = loadRecord(host);
    requireSameNamespace(host, before, record);
    const start: StartRequest = {
      vips: vips ?? [],
      ...(tunnel && { tunnel: placed(tunnel, before, host) }),
      ...(localAddresses && { localAddresses }),
    };
    const plan = action === 'start' ? planStart(before, record, start) : planStop(before, record, vips);
    if (plan.problems.length > 0)
      throw new RealServerError('realserver/refused', plan.problems.map((problem) => problem.message).join('\n'));
    perform(plan, host, action === 'start');
    const after = report(action, host.state(), loadRecord(host), vips, plan.steps.flatMap(describe), plan.notes);
    if (action === 'start' && after.state !== 'running') {
      const reason = `What was set did not hold: ${after.problems.map((problem) => problem.message).join(' ')}`;
      undo(plan.steps, host, reason);
      throw new RealServerError('realserver/failed', reason);
    }
    return after;
  });
}

/** The interfaces that the tunnel's packets come by. */
function placed(tunnel: TunnelRequest, state: HostState, host: RealServerHost): PlacedTunnel {
  const { type, port, directors } = tunnel;
  const interfaces = new Set(tunnel.interfaces);
  if (!tunnel.interfaces && directors !== 'any') {
    for (const director of directors) {
      const name = host.interfaceTowards(director);
      if (name === undefined)
        throw new RealServerError('realserver/refused', `There is no route to the director ${director}: name its interface.`);
      interfaces.add(name);
    }
  }
  for (const name of interfaces) {
    if (interfaceNamed(state, name)) continue;
    throw new RealServerError('realserver/refused', `${name} is no interface that packets of a director could come by.`);
  }
  return { type, port, directors, interfaces: [...interfaces] };
}

function report(
  action: RealServerAction,
  state: HostState,
  record: RealServerRecord | undefined,
  vips: readonly IpAddress[] | undefined,
  changes: readonly string[],
  notes: readonly string[],
): RealServerReport {
  return { action, ...assess(state, record, vips), changes, notes };
}

function loadRecord(host: RealServerHost): RealServerRecord | undefined {
  const text = host.loadRecord();
  if (text === undefined) return undefined;
  const record = parseRecord(text);
  if (record) return record;
  const advice = 'It holds what the host looked like before; look at it, put that back by hand, and delete it.';
  throw new RealServerError('realserver/record', `${host.recordPath} cannot be read. ${advice}`);
}

function requireSameNamespace(host: RealServerHost, state: HostState, found: RealServerRecord | undefined): void {
  const record = currentRecord(state, found);
  if (!record || record.namespace === state.namespace) return;
  const message = `${host.recordPath} belongs to another network namespace (${record.namespace}, this is ${state.namespace}). Give this one a record of its own with --state FILE.`;
  throw new RealServerError('realserver/namespace', message);
}

/** Makes the changes in order. A failing start is undone; a failing stop keeps its record, so that it can be repeated. */
function perform(plan: Plan, host: RealServerHost, undoOnFailure: boolean): void {
  const done: Step[] = [];
  try {
    for (const step of plan.steps) {
      apply(step, host);
      done.push(step);
    }
  } catch (error) {
    if (undoOnFailure) undo(done, host, (error as Error).message);
    throw new RealServerError('realserver/failed', (error as Error).message);
  }
}

function apply(step: Step, host: RealServerHost): void {
  switch (step.kind) {
    case 'save-record':
      host.saveRecord(formatRecord(step.record));
      break;
    case 'delete-record':
      host.deleteRecord();
      break;
    case 'set-sysctl':
      host.setSysctl(step.name, step.value);
      break;
    case 'add-address':
      host.addAddress(step.address, step.label);
      break;
    case 'remove-address':
      host.removeAddress(step.address, step.label);
      break;
    case 'attach-decapsulator':
      host.attachDecapsulator(step.interface, step.wanted);
      break;
    case 'detach-decapsulator':
      host.detachDecapsulator(step.interface, step.withDiscipline);
      break;
    case 'attach-toa-reader':
      host.attachToaReader(step.wanted);
      break;
    case 'detach-toa-reader':
      host.detachToaReader();
      break;
    default:
      unreachable(step);
  }
}

/** Takes back what was done, because of `reason`. Where even that fails, the record is still there for a later stop. */
function undo(steps: readonly Step[], host: RealServerHost, reason: string): void {
  try {
    for (const step of [...steps].reverse()) for (const back of inverse(step)) apply(back, host);
  } catch (error) {
    throw new RealServerError('realserver/failed', `${reason} Undoing it failed as well (${(error as Error).message}): run stop.`);
  }
}

function inverse(step: Step): Step[] {
  switch (step.kind) {
    case 'save-record':
      return [
        step.before ? { kind: 'save-record', record: step.before, before: step.record } : { kind: 'delete-record', before: step.record },
      ];
    case 'delete-record':
      return [{ kind: 'save-record', record: step.before, before: undefined }];
    case 'set-sysctl':
      return [{ ...step, value: step.before, before: step.value }];
    case 'add-address':
      return [{ ...step, kind: 'remove-address' }];
    case 'remove-address':
      return [{ ...step, kind: 'add-address' }];
    case 'attach-decapsulator':
      return [
        step.before
          ? { ...step, wanted: step.before, before: step.wanted }
          : { kind: 'detach-decapsulator', interface: step.interface, before: step.wanted, withDiscipline: step.withDiscipline },
      ];
    case 'detach-decapsulator':
      return step.before ? [{ ...step, kind: 'attach-decapsulator', wanted: step.before, before: undefined }] : [];
    case 'attach-toa-reader':
      return [step.before ? { ...step, wanted: step.before, before: step.wanted } : { kind: 'detach-toa-reader', before: step.wanted }];
    case 'detach-toa-reader':
      return [{ kind: 'attach-toa-reader', wanted: step.before, before: undefined }];
    default:
      return unreachable(step);
  }
}

function describe(step: Step): string[] {
  switch (step.kind) {
    case 'save-record':
    case 'delete-record':
      return [];
    case 'set-sysctl':
      return [`${step.name}: ${step.before} -> ${step.value}`];
    case 'add-address':
      return [`${asPrefix(step.address)} added to ${LOOPBACK}${step.label ? ` as ${step.label}` : ''}`];
    case 'remove-address':
      return [`${asPrefix(step.address)} removed from ${LOOPBACK}`];
    case 'attach-decapsulator': {
      const from = step.wanted.directors === 'any' ? 'anybody' : step.wanted.directors.join(', ');
      return [`${step.interface}: ${describeTunnel(step.wanted)} from ${from} to ${step.wanted.hosts.join(', ')} is taken off`];
    }
    case 'detach-decapsulator':
      return [`${step.interface}: tunnels are left alone again`];
    case 'attach-toa-reader':
      return [`servers are told who their clients are by connections from ${step.wanted.localAddresses.join(', ')}`];
    case 'detach-toa-reader':
      return ['servers see the addresses that connections come from again'];
    default:
      return unreachable(step);
  }
}
