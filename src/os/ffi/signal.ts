/**
 * Signals that Node cannot name: the real-time ones. Node has them blocked nowhere, so that a signalfd would race with the threads
 * that it started before our first line; its event loop, libuv, can watch any signal, and Node's own image exports it.
 */
import koffi from 'koffi';
import { SystemError } from './errno.ts';
import { libc } from './library.ts';

const UV_SIGNAL = 16;

const native = {
  loop: libc.func('uv_default_loop', 'void *', []),
  handleSize: libc.func('uv_handle_size', 'size_t', ['int']),
  init: libc.func('uv_signal_init', 'int', ['void *', 'void *']),
  start: libc.func('uv_signal_start', 'int', [
    'void *',
    koffi.pointer(koffi.proto('void SignalListener(void *handle, int number)')),
    'int',
  ]),
  unref: libc.func('uv_unref', 'void', ['void *']),
};

/**
 * Calls back on the main thread's loop whenever the process gets the signal; does not keep the process alive. For the main thread,
 * and for as long as the process lives. Throws SystemError.
 */
export function watchSignal(number: number, listener: () => void): void {
  const handle = koffi.alloc('uint8_t', Number(native.handleSize(UV_SIGNAL)));
  const callback = koffi.register(() => listener(), koffi.pointer('SignalListener'));
  // libuv answers with negative error numbers and leaves errno alone.
  checkedUv('uv_signal_init', native.init(native.loop(), handle) as number);
  checkedUv('uv_signal_start', native.start(handle, callback, number) as number);
  native.unref(handle);
}

function checkedUv(call: string, result: number): void {
  if (result < 0) throw new SystemError(call, -result);
}
