/** Native calls, one file per concern. Thin: numbers and bytes in and out, failures as SystemError. */
export { armTimer, boottimeNow, createTimer, monotonicNow, sinceArrival } from './clock.ts';
export { createEventFd, drainCounter, EpollSet, raiseEventFd, startThreadPool } from './epoll.ts';
export { ENOBUFS, SystemError } from './errno.ts';
export { createInotify, makeFifo, readInotify, unwatchDirectory, watchDirectory } from './file.ts';
export { addressOf, lastErrno } from './library.ts';
export { type ControlMessage, MessageReceiver, type ReceivedMessage } from './message.ts';
export { enterNetworkNamespace, inNetworkNamespace, MNT_DETACH, mount, networkNamespaceCookie, unmount } from './namespace.ts';
export { keepTags, setOffload } from './offload.ts';
export { watchSignal } from './signal.ts';
export {
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  decodeInetAddress,
  encodeInetAddress,
  encodeLinkLayerAddress,
  encodeNetlinkAddress,
  encodeUnixAddress,
} from './sockaddr.ts';
export {
  bind,
  close,
  MSG_TRUNC,
  receive,
  SOCK_DGRAM,
  SOCK_RAW,
  sendTo,
  setSocketOption,
  socket,
  socketName,
} from './socket.ts';
export {
  lookUpGroup,
  lookUpUser,
  setCpuAffinity,
  setNice,
  setRealtimePriority,
  tryLockFile,
  type UserEntry,
} from './task.ts';
