import { describe, expect, it } from 'vitest';
import { HeldPort } from './held-port.ts';
import type { FromThread } from './thread-messages.ts';

const line = (message: string): FromThread => ({ type: 'log', level: 'info', message });

describe('a held port', () => {
  it('keeps what is told while it is held, and then tells it in order, once', () => {
    const told: FromThread[] = [];
    const port = new HeldPort({ post: (message) => void told.push(message), receive: () => undefined });
    port.post(line('a'));
    port.hold();
    port.post(line('b'));
    port.post(line('c'));
    expect(told).toEqual([line('a')]);
    port.release();
    port.release();
    port.post(line('d'));
    expect(told).toEqual(['a', 'b', 'c', 'd'].map(line));
  });
});
