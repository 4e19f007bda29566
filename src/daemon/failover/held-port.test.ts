import { describe, expect, it } from 'vitest';
import { HeldPort } from './held-port.ts';
import type { FromThread } from './thread-messages.ts';

const line = (message: string): FromThread => ({ type: 'log', level: 'info', message });

describe('a held port', () => {
  it('keeps what is told while it is held, and then tells it in order, once', () => {
    const told: FromThread[] = [];
    const port: HeldPort<{ text: string }> = new HeldPort(
      { post: (message) => void told.push(message), receive: () => undefined },
      ({ text }) => port.post(line(text)),
    );
    port.post(line('a'));
    port.hold();
    port.post(line('b'));
    port.postNews({ text: 'c' });
    expect(told).toEqual([line('a')]);
    port.release();
    port.release();
    port.postNews({ text: 'd' });
    port.post(line('e'));
    expect(told).toEqual(['a', 'b', 'c', 'd', 'e'].map(line));
  });
});
