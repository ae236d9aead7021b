import { useRef, useState } from "preact/hooks";
import { cut, frame, useBefore, useResultLost } from "../compare";
import type { Entry } from "../entries";
import { t } from "../i18n";
import { nameOf } from "../jobwords";
import type { View } from "../view";
import { Player } from "./Player";
import { Slider } from "./Slider";

interface Props {
  entry: Entry;
  view: View;
}

/** At this place browsers show a picture before the video is played; at none some show nothing. */
const FIRST_FRAME = "#t=0.001";
/** Further apart than so many seconds the two are set to the same place again. */
const APART_S = 0.15;

/** A video before and after: two players that one control moves, with a line between them. */
export function VideoCompare({ entry, view }: Props) {
  const [share, setShare] = useState(50);
  const [before, beforeLost] = useBefore(entry);
  const [lost, resultLost] = useResultLost(view);
  const shown = useRef<HTMLVideoElement>(null);
  const beside = useRef<HTMLVideoElement>(null);
  const name = nameOf(entry);
  if (lost || !view.result_url) return <p class="note">{t("jobs.done.not_shown")}</p>;
  const align = () => follow(shown.current, beside.current, beginning(entry));
  return (
    <>
      <div class="compare" style={frame(view)}>
        {/* biome-ignore lint/a11y/useMediaCaption: the file is the person's own and brings no captions */}
        <video
          ref={shown}
          src={view.result_url + FIRST_FRAME}
          aria-label={t("jobs.done.picture_after", { name })}
          style={before ? cut("after", share) : {}}
          preload="metadata"
          playsInline
          onError={resultLost}
          onTimeUpdate={align}
          onSeeked={align}
          onPlay={align}
          onPause={align}
        />
        {before && (
          <video
            ref={beside}
            src={before + FIRST_FRAME}
            aria-label={t("jobs.done.picture_before", { name })}
            style={cut("before", share)}
            preload="metadata"
            playsInline
            muted
            onError={beforeLost}
            onLoadedMetadata={align}
          />
        )}
        {before && <Slider share={share} onShare={setShare} />}
      </div>
      <Player video={shown} />
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
