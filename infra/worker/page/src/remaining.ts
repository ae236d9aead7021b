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
 * Seconds until the stage is done: as the service told (`told`), else at the rate of its last 20 s.
 *
 * Null before 3 % of it were seen, and without the service's word 5 s, and where nothing has moved: no answer is
 * better than a guess.
 */
export function secondsLeft(
  samples: readonly Sample[],
  now: number,
  told: number | null = null,
): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.total <= 0 || last.done < LEAST_SHARE * last.total) return null;
  const since = now - last.at;
  if (since > WINDOW_MS) return null;
  if (told !== null) return Math.max(0, told - since / 1000);
  const took = last.at - first.at;
  const moved = last.done - first.done;
  if (took < LEAST_MS || moved <= 0) return null;
  const left = ((last.total - last.done) / moved) * took - since;
  return Math.max(0, left / 1000);
}
