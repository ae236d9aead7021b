import en from "../../i18n/later/fine.en.json";
import zh from "../../i18n/later/fine.zh.json";
import { percent } from "../format";
import { choices, choose } from "../options";
import { speaker } from "./words";

const say = speaker({ en, "zh-CN": zh });

/** How alike and how detailed, for engines that draw with a network; how much of a restored face shows. */
export function FineOptions() {
  return (
    <div class="fields">
      <Share name="likeness" />
      <label class="tick">
        <input
          type="checkbox"
          checked={choices.value.fine}
          aria-describedby="about-fine"
          onChange={(event) => choose({ fine: event.currentTarget.checked })}
        />
        <span>
          <b>{say("fine.title")}</b>
          <span id="about-fine" class="small soft">
            {say("fine.help")}
          </span>
        </span>
      </label>
      <p class="small soft">{say("engine")}</p>
      {choices.value.restore && <Share name="restored" />}
    </div>
  );
}

/** A part of a hundred, with a sentence on what it does. */
function Share({ name }: { name: "likeness" | "restored" }) {
  const value = choices.value[name];
  return (
    <div class="field">
      <label for={name}>
        {say(`${name}.title`)} <output for={name}>{percent(value)}</output>
      </label>
      <input
        id={name}
        type="range"
        min="0"
        max="100"
        step="5"
        value={value}
        aria-valuetext={percent(value)}
        aria-describedby={`about-${name}`}
        onInput={(event) => choose({ [name]: event.currentTarget.valueAsNumber })}
      />
      <span id={`about-${name}`} class="small soft">
        {say(`${name}.help`)}
      </span>
    </div>
  );
}
