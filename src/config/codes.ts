/**
 * Every diagnostic code of the configuration readers: stable names, their usual severity and what they mean.
 * docs/diagnostics.md is this table in prose; a test compares the two.
 */
import type { Severity } from '../base/index.ts';

interface CodeEntry {
  readonly severity: Severity;
  /** One line for the page of codes. */
  readonly meaning: string;
}

const entry = (severity: Severity, meaning: string): CodeEntry => ({ severity, meaning });

export const DIAGNOSTIC_CODES = {
  'config/unknown-keyword': entry('warning', 'The word is no keyword of its block. The line is ignored.'),
  'config/unknown-block': entry('error', 'The word before a brace is no block that belongs here. The whole block is skipped.'),
  'config/missing-close-brace': entry(
    'error',
    'A block is never closed. The reader closes it where the next keyword shows that it must have ended.',
  ),
  'config/missing-open-brace': entry('error', 'A keyword that needs a block is not followed by one.'),
  'config/unexpected-brace': entry('error', 'An opening brace follows something that takes no block, or nothing at all.'),
  'config/stray-brace': entry('warning', 'A closing brace without a block to close. It is ignored.'),
  'config/early-close-brace': entry('warning', 'A closing brace ends a block whose statements go on after it. It is ignored.'),
  'config/misplaced-block': entry('warning', 'A real_server stands outside any virtual_server. It joins the virtual_server before it.'),
  'config/stray-text': entry('warning', 'Text between a keyword and its opening brace. It is ignored.'),
  'config/unterminated-quote': entry('error', 'A quoted text has no closing quote on its line.'),
  'config/odd-space': entry(
    'warning',
    'Invisible characters that are no plain spaces (often copied from a web page). They are read as spaces here, not by keepalived.',
  ),
  'config/missing-value': entry('error', 'A keyword lacks its value.'),
  'config/extra-words': entry('warning', 'Words after the last value that the keyword takes. They are ignored.'),
  'config/bad-value': entry('error', 'A value is not of the form that the keyword takes.'),
  'config/out-of-range': entry('error', 'A number lies outside the range of the keyword.'),
  'config/bad-address': entry('error', 'A word that should be an IP address is none.'),
  'config/missing-keyword': entry('error', 'A block lacks a keyword that it cannot work without.'),
  'config/repeated-keyword': entry('warning', 'A keyword is given twice in one block. The last one counts.'),
  'config/unsupported': entry(
    'error',
    'A valid keyword or value that this version does not act on, and without which the system would do something else than asked.',
  ),
  'config/not-acted-on': entry('warning', 'A valid keyword that this version does not act on. Everything else works without it.'),
  'config/duplicate-name': entry('error', 'Two blocks of one kind have the same name.'),
  'config/duplicate-vrid': entry('error', 'Two virtual routers on one interface have the same virtual_router_id.'),
  'config/duplicate-service': entry('error', 'Two virtual_server blocks describe the same service.'),
  'config/duplicate-server': entry('warning', 'A real server is given twice in one virtual_server. The second one is dropped.'),
  'config/unknown-reference': entry('error', 'A name refers to a virtual router or script that the configuration does not define.'),
  'config/two-groups': entry('error', 'A virtual router is a member of two sync groups.'),
  'config/one-member-group': entry('warning', 'A sync group of one member has nothing to keep in step.'),
  'config/no-address': entry('warning', 'A virtual router without a virtual address: it would be elected for nothing.'),
  'config/password-truncated': entry('warning', 'VRRP carries 8 bytes of password. The rest is cut off, as keepalived does.'),
  'config/nopreempt-with-master': entry(
    'warning',
    'nopreempt or preempt_delay together with state MASTER or priority 255. It is ignored, as keepalived does.',
  ),
  'config/port-forced': entry('warning', 'Direct routing cannot change the port. The real server gets the port of the virtual server.'),
  'config/quorum-lowered': entry('warning', 'The quorum is above the total weight of the real servers. It is lowered to that weight.'),
  'config/empty-service': entry('warning', 'A virtual_server without a real server. It is dropped.'),
  'config/shell-command': entry('info', 'A script is written in shell syntax. It is run by a shell, whose choice the message names.'),
  'config/include-not-found': entry('warning', 'No file matches an include. keepalived continues without it, and so does vipwright.'),
  'config/include-depth': entry('error', 'Includes are nested too deeply, most likely in a circle.'),
  'config/absent-interface': entry('error', 'The network interface does not exist on this host.'),
} as const satisfies Record<string, CodeEntry>;

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;
