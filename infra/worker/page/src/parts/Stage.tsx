import { useSignal } from "@preact/signals";
import { sentence } from "../api";
import { bytes, clock, number } from "../format";
import { t } from "../i18n";
import type { Picked } from "../picked";
import { lookAgain, looking, people, setTarget } from "../target";
import { FaceBox } from "./FaceBox";
import { PickButton } from "./PickButton";
import { Sending } from "./Sending";
import { Step } from "./Step";

/** The picture or video to change, with a box around each face that can be chosen. */
export function Stage({ picked }: { picked: Picked }) {
  const video = picked.kind.value === "video";
  const done = looking.value.step === "found" && people.value?.length !== 0;
  const replace = (
    <PickButton spot="target" id="choose-target" class="plain go">
      {t("composer.target.replace")}
    </PickButton>
  );
  const title = t(video ? "composer.target.video" : "composer.target.picture");
  return (
    <Step number={1} id="target" title={title} done={done} action={replace}>
      <div class="frame" data-drop="target">
        {video ? <Film picked={picked} /> : <Picture picked={picked} />}
      </div>
      <Sending picked={picked} onCancel={() => setTarget(null)} />
      <Meta picked={picked} />
      <Trouble picked={picked} />
    </Step>
  );
}

function Picture({ picked }: { picked: Picked }) {
  const broken = useSignal<Picked | null>(null);
  const address = picked.preview.value;
  if (address === undefined) return <div class="blank pulse" />;
  if (address === null || broken.value === picked) return <p class="blank">{t("composer.no_preview")}</p>;
  const look = looking.value;
  const media = look.step === "found" ? look.found.media : null;
  return (
    <div class="stage">
      <img
        src={address}
        alt={t("composer.target.alt", { name: picked.name })}
        onError={() => (broken.value = picked)}
      />
      {media &&
        people.value?.map((face, at) => (
          <FaceBox key={face.face_id} face={face} number={at + 1} media={media} />
        ))}
      {look.step === "looking" && <Looks slow={look.slow} />}
    </div>
  );
}

function Film({ picked }: { picked: Picked }) {
  const broken = useSignal<Picked | null>(null);
  const address = picked.preview.value;
  if (!address || broken.value === picked) return <p class="blank">{t("composer.no_preview")}</p>;
  const look = looking.value;
  return (
    <div class="stage">
      {/* biome-ignore lint/a11y/useMediaCaption: it is the person's own file, and no captions of it exist */}
      <video
        src={address}
        controls
        playsInline
        preload="metadata"
        aria-label={picked.name}
        onError={() => (broken.value = picked)}
      />
      {look.step === "looking" && <Looks slow={look.slow} />}
    </div>
  );
}

function Looks({ slow }: { slow: boolean }) {
  return <p class="looks">{t(slow ? "composer.looking_slow" : "composer.looking")}</p>;
}

function Meta({ picked }: { picked: Picked }) {
  const look = looking.value;
  const found = look.step === "found" ? look.found : null;
  return (
    <p class="meta">
      <span class="name">{picked.name}</span>
      {found && <span>{`${number(found.media.width)} × ${number(found.media.height)}`}</span>}
      {found?.media.duration_s && <span>{clock(found.media.duration_s)}</span>}
      <span>{bytes(picked.size)}</span>
      {found && found.faces.length > 0 && <span>{t("composer.found", { count: found.faces.length })}</span>}
    </p>
  );
}

function Trouble({ picked }: { picked: Picked }) {
  const progress = picked.progress.value;
  if (progress.step === "failed") return <p class="note bad">{sentence(progress.error)}</p>;
  const look = looking.value;
  if (look.step !== "failed") return null;
  return (
    <div class="note bad mend">
      <p>{sentence(look.error)}</p>
      <button id="look-again" class="btn second sm" type="button" onClick={lookAgain}>
        {t("composer.look_again")}
      </button>
    </div>
  );
}
