/**
 * Blocks that say word for word what an earlier block says. A large configuration describes thousands of real servers in the same few
 * ways; what is found here need not be cut into words, read and judged again for each of them.
 */
/** An opening brace. */
interface Brace {
  readonly start: number;
}

/** A block: its text with both braces, and the opening one. */
interface Known<B extends Brace> {
  readonly text: string;
  readonly open: B;
}

/** How many different blocks of one kind are remembered. */
const REMEMBERED = 8;
/** Longer blocks are seldom the same, and looking takes time. */
const MAX_LENGTH = 4096;

/** The blocks that were met under one path of first words, such as `virtual_server`, `real_server`, `TCP_CHECK`. */
class Shelf<B extends Brace> {
  readonly inner = new Map<string, Shelf<B>>();
  private readonly known: Known<B>[] = [];
  private oldest = 0;

  find(text: string, at: number): Known<B> | undefined {
    for (let i = 0; i < this.known.length; i++) {
      const known = this.known[i] as Known<B>;
      if (text.startsWith(known.text, at)) return known;
    }
    return undefined;
  }

  add(text: string, open: B): void {
    this.known[this.oldest] = { text, open };
    this.oldest = (this.oldest + 1) % REMEMBERED;
  }

  at(word: string): Shelf<B> {
    const known = this.inner.get(word);
    if (known) return known;
    const shelf = new Shelf<B>();
    this.inner.set(word, shelf);
    return shelf;
  }
}

/** A block that has been opened and not closed yet. */
interface OpenBlock<B extends Brace> {
  readonly shelf: Shelf<B>;
  readonly open: B;
  /** What had been met by then that means something else in another place. */
  readonly bound: number;
}

export class Repeats<B extends Brace> {
  /** The opening braces of blocks that were met again. */
  readonly originals = new Set<B>();
  private readonly text: string;
  private readonly root = new Shelf<B>();
  private readonly stack: OpenBlock<B>[] = [];
  private bound = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The block that the one at an opening brace repeats, by its opening brace, and their text. `word` is the first of its statement. */
  find(word: string, at: number): { readonly text: string; readonly open: B } | undefined {
    const found = this.shelf(word).find(this.text, at);
    if (found) this.originals.add(found.open);
    return found;
  }

  enter(word: string, open: B): void {
    this.stack.push({ shelf: this.shelf(word), open, bound: this.bound });
  }

  /** A closing brace that ends at an offset. */
  leave(end: number): void {
    const left = this.stack.pop();
    if (left && left.bound === this.bound && end - left.open.start <= MAX_LENGTH)
      left.shelf.add(this.text.slice(left.open.start, end), left.open);
  }

  /** Something that depends on its place, such as an include: the blocks around it cannot stand for others. */
  bindToPlace(): void {
    this.bound++;
  }

  private shelf(word: string): Shelf<B> {
    return (this.stack.at(-1)?.shelf ?? this.root).at(word);
  }
}
