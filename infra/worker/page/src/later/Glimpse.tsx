import { useState } from "preact/hooks";
import { t } from "../i18n";
import type { View } from "../view";
import { sayVideo } from "./videowords";

/** What is shown of a video that this browser cannot play: a few seconds in a form that every browser plays. */
export function Glimpse({ view }: { view: View }) {
  const [lost, setLost] = useState(false);
  const { preview_url: preview, poster_url: poster } = view;
  if (lost || !preview) return <p class="note">{t("jobs.done.not_shown")}</p>;
  return (
    <>
      <div class="glimpse">
        <video
          src={preview}
          {...(poster && { poster })}
          aria-label={sayVideo("preview")}
          controls
          preload="metadata"
          playsInline
          muted
          onError={() => setLost(true)}
        />
      </div>
      <p class="note">{sayVideo("preview_shown")}</p>
    </>
  );
}
