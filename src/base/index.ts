/** Value types that everything else is written in. Pure: no Node, no npm, no clock, no chance. */
export { AssertionError, assert, unreachable } from './assert.ts';
export { type Diagnostic, type Fix, hasErrors, type Severity, type SourceRange } from './diagnostic.ts';
export { formatPrefix, IpAddress, type IpFamily, type IpPrefix, maxPrefixLength, parsePrefix } from './ip.ts';
export { hmacMd5, Md5 } from './md5.ts';
export { Random } from './random.ts';
export { didYouMean, editDistance } from './text.ts';
export { earliest, type Instant, MICROS_PER_SECOND, type Micros, millis, seconds, toMillis, toSeconds } from './time.ts';
export { VERSION } from './version.ts';
