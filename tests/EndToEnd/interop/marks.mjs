// Marks in what is written to the source, and whether a mark may be read where it was: the bytes that a user is sent are looked through for marks of
// lists that the user has not, or for what was written to a list after the user lost it.
//
// Everything is numbered in the order in which the source is told of it: writes, and the user's gains and losses. The source is asked over one
// connection, so that order is the order in which things happen.
import { expect, fail } from './harness.mjs';

const byteText = 'latin1'; // marks are ASCII, whatever stands around them
const longest = 80;
const id = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** Knows which lists one user had when. */
export class Marks {
  #now = 0;
  #had = new Map(); // list → [{ gained, lost }]
  #known;

  /** How many marks, and other mentions of a list, were heard. */
  seen = 0;

  /** Bytes that were heard. */
  bytes = 0;

  /** @param lists All lists there are. @param mine Those that the user has from the start. */
  constructor(lists, mine) {
    this.#known = new RegExp(`mark:(${id}):(\\d+);|(?<!mark:)(${lists.join('|')})`, 'g');
    for (const list of lists) {
      this.#had.set(list, mine.includes(list) ? [{ gained: 0, lost: Infinity }] : []);
    }
  }

  /** The number of what is written next. In a row it stands as `mark:LIST:NUMBER;`. */
  next() {
    return ++this.#now;
  }

  /** To be called just before the source is told. */
  gains(list) {
    this.#had.get(list).push({ gained: this.next(), lost: Infinity });
  }

  /** To be called just before the source is told; what the user has not, the user cannot lose. */
  loses(list) {
    const now = this.next();
    for (const span of this.#had.get(list)) {
      span.lost = Math.min(span.lost, now);
    }
  }

  /** Hears one connection of the user, chunk by chunk. */
  listener() {
    let rest = '';
    return (chunk) => {
      this.bytes += chunk.length;
      const text = rest + chunk.toString(byteText);
      let end = 0;
      for (const found of text.matchAll(this.#known)) {
        this.#check(found).catch(fail);
        end = found.index + found[0].length;
      }
      rest = text.slice(Math.max(end, text.length - longest)); // a mark may go on in the next chunk
    };
  }

  async #check([mark, marked, written, mentioned]) {
    this.seen++;
    const spans = this.#had.get(marked ?? mentioned);
    expect(spans !== undefined, `${mark} is of a list that there is`);
    expect(spans.length > 0, `the user, who never had the list, does not receive ${mark}`);
    if (marked !== undefined) {
      expect(spans.some(({ lost }) => lost > Number(written)), `the user lost the list at ${spans.at(-1).lost} and does not receive ${mark}`);
    }
  }
}
