import { useState } from "preact/hooks";
import { cut, frame, useBefore, useResultLost } from "../compare";
import type { Entry } from "../entries";
import { t } from "../i18n";
import { nameOf } from "../jobwords";
import type { View } from "../view";
import { Slider } from "./Slider";

interface Props {
  entry: Entry;
  view: View;
}

/** A picture before and after, one above the other with a line to move between them. */
export function Compare({ entry, view }: Props) {
  const [share, setShare] = useState(50);
  const [before, beforeLost] = useBefore(entry);
  const [lost, resultLost] = useResultLost(view);
  const name = nameOf(entry);
  if (lost || !view.result_url) return <p class="note">{t("jobs.done.not_shown")}</p>;
  return (
    <div class="compare" style={frame(view)}>
      <img
        src={view.result_url}
        alt={t("jobs.done.picture_after", { name })}
        style={before ? cut("after", share) : {}}
        onError={resultLost}
      />
      {before && (
        <img
          src={before}
          alt={t("jobs.done.picture_before", { name })}
          style={cut("before", share)}
          onError={beforeLost}
        />
      )}
      {before && <Slider share={share} onShare={setShare} />}
    </div>
  );
}
