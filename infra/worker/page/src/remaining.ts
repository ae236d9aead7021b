/** How far a stage was at some moment, in milliseconds of the clock. */
export interface Sample {
  at: number;
  stage: string;
  done: number;
  total: number;
}

const WINDOW_MS = 20_000;
const LEAST_MS = 5000;
const LEAST_SHARE = 0.03;

/** The samples with one more: those of its stage within the last 20 s, and the last one before these. */
export function remember(samples: readonly Sample[], next: Sample): Sample[] {
  const last = samples.at(-1);
  if (!last || last.stage !== next.stage || last.done > next.done) return [next];
  const from = samples.findLastIndex((sample) => sample.at <= next.at - WINDOW_MS);
  return [...samples.slice(Math.max(from, 0)), next];
}

/**
 * Seconds until the stage is done at the rate of its last 20 s.
 *
 * Null before 3 % and 5 s of it were seen, and where nothing has moved: no answer is better than a guess.
 */
export function secondsLeft(samples: readonly Sample[], now: number): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.total <= 0 || last.done < LEAST_SHARE * last.total) return null;
  const took = last.at - first.at;
  const moved = last.done - first.done;
  if (took < LEAST_MS || moved <= 0 || now - last.at > WINDOW_MS) return null;
  const left = ((last.total - last.done) / moved) * took - (now - last.at);
  return Math.max(0, left / 1000);
}
