import { t } from "../i18n";
import { choices, choose } from "../options";
import { Tick } from "../parts/Tick";
import { told } from "../start";
import { sayVideo } from "./videowords";

/** What of a video is kept: sound, frame rate, which part. */
export function VideoOptions() {
  return (
    <>
      <Tick name="sound" title={t("composer.options.sound.title")} help={t("composer.options.sound.help")} />
      <Tick name="ownFrameRate" title={sayVideo("ownFrameRate.title")} help={sayVideo("ownFrameRate.help")} />
      <fieldset class="field">
        <legend>{sayVideo("part.title")}</legend>
        <p class="row">
          <Seconds id="part-from" name="from" />
          <Seconds id="part-to" name="to" />
        </p>
        <span class="small soft">{sayVideo("part.help")}</span>
      </fieldset>
    </>
  );
}

function Seconds({ id, name }: { id: string; name: "from" | "to" }) {
  const lacks = told.value?.focus === id;
  return (
    <label for={id}>
      {sayVideo(`part.${name}`)}{" "}
      <input
        id={id}
        type="number"
        min="0"
        step="any"
        inputMode="decimal"
        value={choices.value[name] ?? ""}
        aria-invalid={lacks}
        aria-describedby={lacks ? "lacks" : undefined}
        onInput={(event) => {
          const seconds = event.currentTarget.valueAsNumber;
          choose({ [name]: Number.isFinite(seconds) && seconds >= 0 ? seconds : null });
        }}
      />{" "}
      {sayVideo("part.seconds")}
    </label>
  );
}
