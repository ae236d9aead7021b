import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { amount } from "../jobwords";
import type { Picked } from "../picked";
import { FIRST_FRAME } from "../preview";
import { looking, people } from "../target";
import { FaceBox } from "./FaceBox";

/**
 * The picture or video as far as this browser can show it, and the faces found in a picture.
 *
 * A browser that knows a video's sound but not its picture plays it with a picture of no width.
 */
export function Shown({ picked }: { picked: Picked }) {
  const broken = useSignal<Picked | null>(null);
  const address = broken.value === picked ? null : picked.preview.value;
  if (address === null) return <Unseen picked={picked} />;
  if (address === undefined) return <div class="blank pulse" />;
  const video = picked.kind.value === "video";
  const fails = () => {
    broken.value = picked;
  };
  return (
    <div class="frame" data-drop="target">
      <div class="stage">
        {video ? (
          // biome-ignore lint/a11y/useMediaCaption: it is the person's own file, and it has no captions
          <video
            src={address + FIRST_FRAME}
            controls
            playsInline
            preload="metadata"
            aria-label={picked.name}
            onLoadedMetadata={(event) => event.currentTarget.videoWidth || fails()}
            onError={fails}
          />
        ) : (
          <img src={address} alt={t("composer.target.alt", { name: picked.name })} onError={fails} />
        )}
        {!video && <Boxes />}
      </div>
      <Looks />
    </div>
  );
}

/** What stands for a file that cannot be shown; nothing for one that cannot be used either. */
function Unseen({ picked }: { picked: Picked }) {
  if ([picked.progress.value, looking.value].some(({ step }) => step === "failed")) return null;
  return (
    <div class="frame" data-drop="target">
      <p class="blank">{t("composer.no_preview")}</p>
      <Looks />
    </div>
  );
}

function Boxes() {
  const look = looking.value;
  if (look.step !== "found") return null;
  return (
    <>
      {people.value?.map((face, at) => (
        <FaceBox key={face.face_id} face={face} number={at + 1} media={look.found.media} />
      ))}
    </>
  );
}

function Looks() {
  const look = looking.value;
  if (look.step !== "looking") return null;
  const { job } = look;
  if (job?.status === "pending") return <p class="looks">{t("composer.looking_slow")}</p>;
  const done = job && amount(job.progress_detail);
  return <p class="looks">{[t("composer.looking"), done].filter(Boolean).join(" · ")}</p>;
}
