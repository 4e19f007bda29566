/** The tables of packet fixtures (fixtures/*.txt), frame after frame through the real program; and that nothing is missing in them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from './fixture-stage.ts';
import { readFixtureFiles, rowsOf, type Story } from './fixture-table.ts';
import { addressOf, frameOfWords, INCOMING, type PacketWords, parseFrameWords } from './frame-words.ts';
import { wordsOfFrame } from './frame-words-read.ts';

const FILES = readFixtureFiles();
const STORIES = FILES.flatMap(({ stories }) => stories);
const ROWS = STORIES.flatMap(rowsOf);

/** What goes with numbers that nobody can foretell: xdp-syn-proxy.test.ts and xdp-defence.test.ts have them. And routes: lab-bypass.test.ts. */
const SHOWN_ELSEWHERE = [
  'DROP_SOURCE_LIMIT',
  'DROP_AWAITING_SERVER',
  'DROP_CLIENT_PROVEN',
  'ANSWER_COOKIE',
  'ANSWER_CHALLENGE',
  'ANSWER_HANDSHAKE',
  'PASS_BYPASS',
];

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
});
afterAll(() => stage.close());

describe.each(FILES)('$name', ({ stories }) => {
  describe.each(stories)('$title', (story) => {
    beforeAll(() => stage.begin(story));
    const { steps } = story;
    it.each(rowsOf(story))('$name', (row) => {
      const at = steps.indexOf(row);
      const first = steps.findLastIndex(({ kind }, index) => index < at && kind === 'row') + 1;
      for (const step of steps.slice(first, at)) if (step.kind === 'set-up') stage.setUp(step);
      const { verdict, output, counters } = row;
      expect(stage.play(row), row.place).toEqual({ verdict, output, counters });
    });
  });
});

/** `dr 4`, `nat 6`, `gue 6 in 4`: how the frame that goes out reached its server. */
function wayOf({ names }: Story, came: PacketWords, left: PacketWords): string {
  const outer = addressOf(left.source, names).family;
  const inner = left.inner && addressOf(left.inner.source, names).family;
  if (left.kind === 'icmp' && came.kind !== 'icmp') return 'error';
  if (inner && left.kind !== 'icmp') return `${left.kind} ${inner} in ${outer}`;
  if (String(addressOf(left.source, names)) !== String(addressOf(came.source, names))) return `reply ${outer}`;
  return String(addressOf(left.destination, names)) === String(addressOf(came.destination, names)) ? `dr ${outer}` : `nat ${outer}`;
}

describe('the tables', () => {
  it('have at least 250 rows, each with a name of its own in its story', () => {
    expect(ROWS.length).toBeGreaterThanOrEqual(250);
    for (const story of STORIES) {
      const rowNames = rowsOf(story).map(({ name }) => name);
      expect(new Set(rowNames).size, story.title).toBe(rowNames.length);
    }
    expect(new Set(STORIES.map(({ title }) => title)).size).toBe(STORIES.length);
  });

  it('have every reason of the packet path', () => {
    const counted = new Set([...ROWS.flatMap(({ counters }) => counters.split(', ')), ...SHOWN_ELSEWHERE]);
    expect(Object.keys(stage.rig.plane.reasons()).filter((reason) => !counted.has(reason))).toEqual([]);
  });

  it('have every way to a server, and back', () => {
    const ways = new Set(
      STORIES.flatMap((story) =>
        rowsOf(story)
          .filter(({ verdict }) => /^(tx|redirect)/.test(verdict))
          .map(({ input, output }) => {
            const came = parseFrameWords(input);
            return wayOf(story, came.packet, parseFrameWords(output, came).packet);
          }),
      ),
    );
    const tunnels = ['ipip', 'gue', 'gre'].flatMap((kind) =>
      ['4 in 4', '4 in 6', '6 in 4', '6 in 6'].map((families) => `${kind} ${families}`),
    );
    const expected = ['dr 4', 'dr 6', 'nat 4', 'nat 6', 'reply 4', 'reply 6', ...tunnels];
    expect(expected.filter((way) => !ways.has(way))).toEqual([]);
  });

  it('say the same when their frames are read back from bytes', () => {
    for (const story of STORIES) {
      for (const { input, place } of rowsOf(story)) {
        const frame = frameOfWords(parseFrameWords(input), story.names, INCOMING);
        const again = parseFrameWords(wordsOfFrame(frame, story.names, INCOMING));
        expect(frameOfWords(again, story.names, INCOMING), place).toEqual(frame);
      }
    }
  });
});
