import { chosen, layout, shared } from "../cast";
import { t } from "../i18n";
import { told } from "../start";
import { SwapIcon } from "./icons";
import { Kept } from "./Kept";

/** The button that starts it, what is still missing, and what becomes of the files. */
export function StartBar() {
  const lacks = told.value;
  return (
    <>
      <p class="small soft fate narrow">
        <Fate />
      </p>
      <div class="stick">
        <p id="lacks" class={lacks?.comes ? "lacks comes" : "lacks"}>
          {lacks && t(lacks.key)}
        </p>
        <button id="start" class="btn" type="submit">
          <SwapIcon />
          {label()}
        </button>
        <p class="small soft wide">
          <Fate />
        </p>
      </div>
    </>
  );
}

function Fate() {
  return (
    <>
      <Kept /> {t("composer.marked")}
    </>
  );
}

function label(): string {
  const count = chosen.value.length;
  if (layout.value === "all" && shared.value) return t("composer.start_all");
  return count > 0 ? t("composer.start", { count }) : t("composer.start_none");
}
