/** The words of the field as types. Pure; no behaviour beyond naming and comparing. */
export type { Check, CheckTarget, CheckTiming, HttpUrl } from './check.ts';
export type { CheckedRealServer, CheckedService, Configuration, MailSettings } from './configuration.ts';
export {
  DEFAULT_TIMEOUTS,
  type ForwardingMethod,
  type Persistence,
  type Protocol,
  type RealServer,
  type RealServerKey,
  realServerText,
  SCHEDULER_NAMES,
  type SchedulerName,
  type ServiceKey,
  type ServiceTable,
  serverKeyText,
  serviceKeyText,
  type Timeouts,
  type Tunnel,
  type VirtualService,
} from './service.ts';
export type { ServerVerdict } from './verdict.ts';
export type {
  GarpSettings,
  NotifyScripts,
  PassAuthentication,
  ScriptCommand,
  SyncGroup,
  TrackedInterface,
  TrackedScript,
  TrackerWeight,
  Vip,
  VirtualRouter,
  VrrpScript,
} from './vrrp.ts';
