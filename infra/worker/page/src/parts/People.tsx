import { layout, type Slot, setForAll, shared } from "../cast";
import { t } from "../i18n";
import type { Face } from "../looking";
import { looking, people } from "../target";
import { FaceSlot } from "./FaceSlot";
import { NobodyFound } from "./NobodyFound";
import { PersonRow } from "./PersonRow";
import { Step } from "./Step";

/** Who gets which new face. */
export function People() {
  const found = people.value ?? [];
  const shape = layout.value;
  const title = t(shape === "one" ? "composer.people.one" : "composer.people.several");
  return (
    <Step number={2} id="people" title={title}>
      {people.value?.length === 0 && <NobodyFound />}
      {shape === "each" && shared.value && <Waiting slot={shared.value} />}
      {shape === "each" ? <Each /> : <Together faces={found} all={shape === "all"} />}
      {shape !== "one" && (
        <p class="row">
          <button class="btn second sm" type="button" onClick={() => setForAll(shape !== "all")}>
            {t(shape === "all" ? "composer.people.choose_each" : "composer.people.use_one")}
          </button>
        </p>
      )}
    </Step>
  );
}

/** One face, for the only person or for everyone. */
function Together({ faces, all }: { faces: Face[]; all: boolean }) {
  const hint = t(all ? "composer.face.all" : "composer.face.clear");
  return (
    <ul class="people">
      <PersonRow faces={faces}>
        <FaceSlot spot="face" slot={shared.value} label={t("composer.face.add_the")} hint={hint} />
      </PersonRow>
    </ul>
  );
}

function Each() {
  return (
    <ul class="people">
      {people.value?.map((face, at) => (
        <PersonRow key={face.face_id} faces={[face]} number={at + 1} />
      ))}
      {looking.value.step === "looking" && <li class="person pulse" />}
    </ul>
  );
}

/** A face that came before it was known that there are several people. */
function Waiting({ slot }: { slot: Slot }) {
  return (
    <div class="person waiting">
      <FaceSlot spot="face" slot={slot} label="" hint="" note={t("composer.face.waits")} />
    </div>
  );
}
