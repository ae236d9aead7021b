import { t } from "../i18n";
import { lazily } from "../lazily";
import { type Choices, choices } from "../options";
import { target } from "../target";
import { MoreOptions } from "./MoreOptions";
import { PictureOptions } from "./PictureOptions";
import { Tick } from "./Tick";

const VideoOptions = lazily("VideoOptions", () => import("../later/VideoOptions"));
const TICKS = ["light", "mouth", "restore"] as const;

/** How it is done; closed until someone wants to know. */
export function Options() {
  const video = target.value?.kind.value === "video";
  return (
    <section class="step" aria-label={t("composer.options.title")}>
      <details class="opts">
        <summary>
          <span class="num" aria-hidden="true">
            3
          </span>
          <h2>{t("composer.options.title")}</h2>
          <span class="chips">
            {chips(choices.value, video).map((chip) => (
              <span key={chip} class="chip">
                {chip}
              </span>
            ))}
          </span>
        </summary>
        <div class="fields">
          {TICKS.map((name) => (
            <Tick
              key={name}
              name={name}
              title={t(`composer.options.${name}.title`)}
              help={t(`composer.options.${name}.help`)}
            />
          ))}
          {video ? <VideoOptions /> : <PictureOptions />}
          <MoreOptions />
        </div>
      </details>
    </section>
  );
}

function chips(chosen: Choices, video: boolean): string[] {
  const names = TICKS.filter((name) => chosen[name]).map((name) => t(`composer.options.${name}.title`));
  if (video) return chosen.sound ? [...names, t("composer.options.sound.title")] : names;
  return [...names, t(`composer.options.format.${chosen.format}`)];
}
