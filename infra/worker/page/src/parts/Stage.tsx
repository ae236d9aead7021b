import { ApiError, sentence } from "../api";
import { focusSoon } from "../focus";
import { bytes, clock } from "../format";
import { t } from "../i18n";
import { isAboutTheFile } from "../mend";
import type { Picked } from "../picked";
import { lookAgain, looking, people, setTarget } from "../target";
import { PickButton } from "./PickButton";
import { Sending } from "./Sending";
import { Shown } from "./Shown";
import { Step } from "./Step";

/** The picture or video to change, how far it is, and what was found in it. */
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
      <Shown picked={picked} />
      <Sending picked={picked} onCancel={cancel} />
      <Meta picked={picked} />
      <Trouble picked={picked} />
    </Step>
  );
}

function cancel(): void {
  setTarget(null);
  focusSoon("choose-target");
}

function again(): void {
  lookAgain();
  focusSoon("target");
}

function Meta({ picked }: { picked: Picked }) {
  const look = looking.value;
  const found = look.step === "found" ? look.found : null;
  return (
    <p class="meta">
      <span class="name">{picked.name}</span>
      {found && <span>{`${found.media.width} × ${found.media.height}`}</span>}
      {found?.media.duration_s && <span>{clock(found.media.duration_s)}</span>}
      <span>{bytes(picked.size)}</span>
      {found && found.faces.length > 0 && <span>{t("composer.found", { count: found.faces.length })}</span>}
    </p>
  );
}

/** What is wrong with the file, or with looking at it, and the step that mends it. */
function Trouble({ picked }: { picked: Picked }) {
  const progress = picked.progress.value;
  const look = looking.value;
  const failed = progress.step === "failed" ? progress : look;
  if (failed.step !== "failed") return null;
  const another = progress.step === "failed" || isAboutTheFile(failed.error);
  return (
    <div class="note bad mend">
      <p>
        <Why error={failed.error} />
      </p>
      {another ? (
        <PickButton spot="target" class="btn second sm">
          {t(picked.kind.value === "video" ? "jobs.mend.target_video" : "jobs.mend.target")}
        </PickButton>
      ) : (
        <button id="look-again" class="btn second sm" type="button" onClick={again}>
          {t("composer.look_again")}
        </button>
      )}
    </div>
  );
}

/** What an error means, and what the service says of it itself. */
function Why({ error }: { error: unknown }) {
  const words = sentence(error);
  const own = error instanceof ApiError && error.message !== words ? error.message : "";
  return (
    <>
      <b>{words}</b> {own && <span lang="en">{own}</span>}
    </>
  );
}
