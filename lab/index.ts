/** The lab: machines as network namespaces, the services they run, and scenarios as readable text. */
export { judgePackets, type PacketVerdict, type TableRow, tableBecomes, watchAddresses } from './inspect.ts';
export { Lab, type MachineOptions } from './lab.ts';
export type { Machine } from './machine.ts';
export { compiled, projectRoot } from './paths.ts';
export {
  type Exit,
  inhabitedNetworks,
  killTree,
  type LogLine,
  networksOf,
  nowMs,
  type Outcome,
  run,
  type Service,
  sleep,
  treeOf,
  until,
} from './process.ts';
export { parseScenario } from './scenario/parse.ts';
export type { Judgement, Observer, PlayResult } from './scenario/play.ts';
export type { Scenario, Statement, Step } from './scenario/scenario.ts';
export { ScenarioError } from './scenario/words.ts';
export { bootSeedLab, hasNoVip, holdsVip, type SeedLab, seedConfiguration, VIP } from './seed-lab.ts';
export * from './services.ts';
