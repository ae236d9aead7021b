import { number } from "../format";
import { t } from "../i18n";
import { type Choices, choices, choose } from "../options";

const FORMATS: Choices["format"][] = ["same", "jpeg", "png", "webp", "avif"];

/** What kind of file a picture becomes. */
export function PictureOptions() {
  const { format, quality } = choices.value;
  return (
    <>
      <div class="field">
        <label for="format">{t("composer.options.format.title")}</label>
        <select
          id="format"
          value={format}
          aria-describedby="about-format"
          onChange={(event) => choose({ format: event.currentTarget.value as Choices["format"] })}
        >
          {FORMATS.map((name) => (
            <option key={name} value={name}>
              {t(`composer.options.format.${name}`)}
            </option>
          ))}
        </select>
        <span id="about-format" class="small soft">
          {t("composer.options.format.help")}
        </span>
      </div>
      {format !== "png" && (
        <div class="field">
          <label for="quality">
            {t("composer.options.quality.title")} <output for="quality">{number(quality)}</output>
          </label>
          <input
            id="quality"
            type="range"
            min="50"
            max="100"
            value={quality}
            aria-describedby="about-quality"
            onInput={(event) => choose({ quality: event.currentTarget.valueAsNumber })}
          />
          <span id="about-quality" class="small soft">
            {t("composer.options.quality.help")}
          </span>
        </div>
      )}
    </>
  );
}
