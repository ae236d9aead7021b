import { t } from "../i18n";
import { choices, choose } from "../options";

type Ticks = "light" | "mouth" | "restore" | "sound" | "ownFrameRate";

/** One thing that is done or not, with a sentence on what it does. */
export function Tick({ name }: { name: Ticks }) {
  return (
    <label class="tick">
      <input
        type="checkbox"
        checked={choices.value[name]}
        aria-describedby={`about-${name}`}
        onChange={(event) => choose({ [name]: event.currentTarget.checked })}
      />
      <span>
        <b>{t(`composer.options.${name}.title`)}</b>
        <span id={`about-${name}`} class="small soft">
          {t(`composer.options.${name}.help`)}
        </span>
      </span>
    </label>
  );
}
