import { STEP_COUNT } from "../state";

interface Props {
  label: string;
  /** Which segment is being filled, -1 for none yet. */
  step: number;
  /** Of that segment. */
  percent: number;
  text: string;
}

const SEGMENTS = ["fetch", "find", "swap", "encode", "save"] as const;

/** One bar of five segments: those before the current one are full, it is filled by its percent. */
export function StageBar({ label, step, percent, text }: Props) {
  return (
    <div
      class="steps"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={STEP_COUNT}
      aria-valuenow={Math.max(0, step) + (step < 0 ? 0 : percent / 100)}
      aria-valuetext={text}
    >
      {SEGMENTS.map((segment, place) => (
        <i key={segment} class={place === step && percent === 0 ? "pulse" : undefined}>
          <b style={{ width: `${filled(place, step, percent)}%` }} />
        </i>
      ))}
    </div>
  );
}

function filled(place: number, step: number, percent: number): number {
  if (place === step) return percent;
  return place < step ? 100 : 0;
}
