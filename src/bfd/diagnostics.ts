/** Why a session changed its state (RFC 5880 §4.1), and keepalived's words for it. */

export const NO_DIAGNOSTIC = 0;
export const DETECTION_TIME_EXPIRED = 1;
export const NEIGHBOR_SIGNALED_DOWN = 3;
export const ADMINISTRATIVELY_DOWN = 7;

const TEXTS = [
  'No Diagnostic',
  'Control Detection Time Expired',
  'Echo Function Failed',
  'Neighbor Signaled Session Down',
  'Forwarding Plane Reset',
  'Path Down',
  'Concatenated Path Down',
  'Administratively Down',
  'Reverse Concatenated Path Down',
];

export function diagnosticText(diagnostic: number): string {
  return TEXTS[diagnostic] ?? `Unknown (${diagnostic})`;
}
