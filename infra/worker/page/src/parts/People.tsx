import { layout, setForAll, shared } from "../cast";
import { t } from "../i18n";
import { looking, people } from "../target";
import { FaceSlot } from "./FaceSlot";
import { NobodyFound } from "./NobodyFound";
import { PersonRow } from "./PersonRow";
import { Step } from "./Step";

/** Who gets which new face. */
export function People() {
  const found = people.value;
  const several = layout.value !== "one";
  return (
    <Step number={2} id="people" title={t(several ? "composer.people.several" : "composer.people.one")}>
      {found?.length === 0 && <NobodyFound />}
      {!several && (
        <ul class="people">
          <PersonRow faces={found ?? []}>
            <FaceSlot
              spot="face"
              slot={shared.value}
              label={t("composer.face.add_the")}
              hint={t("composer.face.clear")}
            />
          </PersonRow>
        </ul>
      )}
      {layout.value === "all" && <Everyone />}
      {layout.value === "each" && <Each />}
    </Step>
  );
}

function Everyone() {
  return (
    <>
      <ul class="people">
        <PersonRow faces={people.value ?? []}>
          <FaceSlot
            spot="face"
            slot={shared.value}
            label={t("composer.face.add_the")}
            hint={t("composer.face.all")}
          />
        </PersonRow>
      </ul>
      <p class="row">
        <button class="btn second sm" type="button" onClick={() => setForAll(false)}>
          {t("composer.people.choose_each")}
        </button>
      </p>
    </>
  );
}

function Each() {
  const waiting = shared.value;
  return (
    <>
      {waiting && <Waiting />}
      <ul class="people">
        {people.value?.map((face, at) => (
          <PersonRow key={face.face_id} faces={[face]} number={at + 1} />
        ))}
        {looking.value.step === "looking" && <li class="person blank pulse" />}
      </ul>
      <p class="row">
        <button class="btn second sm" type="button" onClick={() => setForAll(true)}>
          {t("composer.people.use_one")}
        </button>
      </p>
    </>
  );
}

/** A face that came before it was known that there are several people. */
function Waiting() {
  return (
    <ul class="people waiting">
      <li class="person">
        <FaceSlot spot="face" slot={shared.value} label="" hint="" note={t("composer.face.waits")} />
      </li>
    </ul>
  );
}
