import { useRef, useState } from "preact/hooks";
import { cut, frame, useBefore, useResultLost } from "../compare";
import type { Entry } from "../entries";
import { t } from "../i18n";
import { nameOf } from "../jobwords";
import { Slider } from "../parts/Slider";
import { FIRST_FRAME } from "../preview";
import type { View } from "../view";
import { Glimpse } from "./Glimpse";
import { Player } from "./Player";
import { sayVideo } from "./videowords";

interface Props {
  entry: Entry;
  view: View;
}

/** Further apart than so many seconds the two are set to the same place again. */
const APART_S = 0.15;

/** A video that was made, in the browser's own player; or before and after, with one control and a line between them. */
export function VideoResult({ entry, view }: Props) {
  const [wanted, setWanted] = useState(false);
  const [share, setShare] = useState(50);
  const [before, beforeLost] = useBefore(entry);
  const [lost, resultLost] = useResultLost(view);
  const shown = useRef<HTMLVideoElement>(null);
  const beside = useRef<HTMLVideoElement>(null);
  const { result_url: address, poster_url: poster } = view;
  if (lost || !address) return <Glimpse view={view} />;
  const comparing = wanted && before !== null;
  const align = () => follow(shown.current, beside.current, beginning(entry));
  return (
    <>
      <div class="compare" style={frame(view)}>
        <video
          ref={shown}
          src={poster ? address : address + FIRST_FRAME}
          {...(poster && { poster })}
          aria-label={t("jobs.done.picture_after", { name: nameOf(entry) })}
          style={comparing ? cut("after", share) : {}}
          controls={!comparing}
          preload="metadata"
          playsInline
          onError={resultLost}
          onLoadedMetadata={(event) => event.currentTarget.videoWidth || resultLost()}
          onTimeUpdate={align}
          onSeeked={align}
          onPlay={align}
          onPause={align}
        />
        {comparing && (
          <video
            ref={beside}
            src={before + FIRST_FRAME}
            aria-label={t("jobs.done.picture_before", { name: nameOf(entry) })}
            style={cut("before", share)}
            preload="metadata"
            playsInline
            muted
            onError={beforeLost}
            onLoadedMetadata={(event) => (event.currentTarget.videoWidth ? align() : beforeLost())}
          />
        )}
        {comparing && <Slider share={share} onShare={setShare} />}
      </div>
      {comparing && <Player video={shown} />}
      {before && (
        <button class="btn second sm" type="button" aria-pressed={wanted} onClick={() => setWanted(!wanted)}>
          {t("jobs.done.compare")}
        </button>
      )}
      {wanted && !before && <p class="note">{sayVideo("before_not_shown")}</p>}
    </>
  );
}

/** Where in the video to change the result begins, in seconds. */
function beginning(entry: Entry): number {
  const trim = entry.note.request?.options.trim;
  return typeof trim === "object" ? (trim.start ?? 0) : 0;
}

/** The second player does as the first one; that it may not play is no harm, it is only looked at. */
function follow(first: HTMLVideoElement | null, second: HTMLVideoElement | null, offset: number): void {
  if (!first || !second) return;
  const place = first.currentTime + offset;
  if (Math.abs(second.currentTime - place) > APART_S || first.paused) second.currentTime = place;
  if (first.paused) second.pause();
  else second.play().catch(() => {});
}
