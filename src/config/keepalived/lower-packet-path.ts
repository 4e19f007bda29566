/** packet_path to the model. Several blocks count as one, the last of repeated keywords counts. */
import {
  type Configuration,
  DEFAULT_FORWARDING_SETTINGS,
  DEFAULT_TABLE_SIZES,
  type DefenceMode,
  type ForwardingSettings,
  type PortRange,
} from '../../model/index.ts';
import { BoundBlock, type BoundStatement, isNumber, linePart } from './bind.ts';
import { DEFENCE_MODES } from './table-packet-path.ts';

export function readPacketPath(root: BoundBlock): Pick<Configuration, 'forwarding' | 'tableSizes'> {
  const block = new BoundBlock();
  for (const bound of root.all('packet_path')) for (const statement of bound.block?.statements ?? []) block.add(statement);
  const standard = DEFAULT_FORWARDING_SETTINGS;
  const flag = (name: string, otherwise: boolean): boolean => block.flag(name) ?? otherwise;
  return {
    forwarding: {
      expireConnectionsOfDeleted: flag('expire_nodest_conn', standard.expireConnectionsOfDeleted),
      expireTemplatesOfQuiescent: flag('expire_quiescent_template', standard.expireTemplatesOfQuiescent),
      connectionReuse: (block.number('conn_reuse_mode') ?? standard.connectionReuse) as ForwardingSettings['connectionReuse'],
      sloppyTcp: flag('sloppy_tcp', standard.sloppyTcp),
      sloppySctp: flag('sloppy_sctp', standard.sloppySctp),
      cacheBypass: flag('cache_bypass', standard.cacheBypass),
      dropEntry: readMode(block, 'drop_entry') ?? standard.dropEntry,
      dropPacket: readMode(block, 'drop_packet') ?? standard.dropPacket,
      secureTcp: readMode(block, 'secure_tcp') ?? standard.secureTcp,
      memoryThreshold: block.number('amemthresh') ?? standard.memoryThreshold,
      dropRate: block.number('am_droprate') ?? standard.dropRate,
      tableThreshold: block.number('table_threshold') ?? standard.tableThreshold,
      lblcExpiration: block.number('lblc_expiration') ?? standard.lblcExpiration,
      lblcrExpiration: block.number('lblcr_expiration') ?? standard.lblcrExpiration,
      localOut: flag('local_out', standard.localOut),
      localPorts: readLocalPorts(block.last('local_ports')) ?? standard.localPorts,
    },
    tableSizes: {
      connections: block.number('connections') ?? DEFAULT_TABLE_SIZES.connections,
      connections6: block.number('connections6') ?? DEFAULT_TABLE_SIZES.connections6,
    },
  };
}

/** The words of DEFENCE_MODES and IPVS's numbers; bare is on. */
function readMode(block: BoundBlock, name: string): DefenceMode | undefined {
  const value = block.textOrBare(name);
  if (value === undefined) return undefined;
  return value === true ? 3 : ((DEFENCE_MODES[value] ?? Number(value)) as DefenceMode);
}

/** In either order. */
function readLocalPorts(bound: BoundStatement | undefined): PortRange | undefined {
  if (typeof bound?.value !== 'object' || !('parts' in bound.value)) return undefined;
  const [one, other] = [linePart(bound.value, 0, isNumber), linePart(bound.value, 1, isNumber)];
  if (one === undefined || other === undefined) return undefined;
  return { first: Math.min(one, other), last: Math.max(one, other) };
}
