const WINDOW_MS = 5000;
const SETTLED_MS = 1000;

/** How fast something grows, seen over its last five seconds. */
export class Pace {
  #marks: { at: number; amount: number }[] = [];

  /** Take note of the amount reached; gives the growth per second, null until a second has been seen. */
  at(amount: number, now: number = Date.now()): number | null {
    this.#marks.push({ at: now, amount });
    while (this.#marks.length > 2 && now - (this.#marks[0]?.at ?? now) > WINDOW_MS) this.#marks.shift();
    const first = this.#marks[0] ?? { at: now, amount };
    const elapsed = now - first.at;
    return elapsed < SETTLED_MS || amount <= first.amount ? null : ((amount - first.amount) / elapsed) * 1000;
  }
}
