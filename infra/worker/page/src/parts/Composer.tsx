import { useEffect } from "preact/hooks";
import { watchDrops } from "../drop";
import { t } from "../i18n";
import { start } from "../start";
import { target } from "../target";
import { Consent } from "./Consent";
import { DropZone } from "./DropZone";
import { Options } from "./Options";
import { People } from "./People";
import { Samples } from "./Samples";
import { Stage } from "./Stage";
import { StartBar } from "./StartBar";

/** Where a swap is put together: the picture, who gets which face, how, and the start of it. */
export function Composer() {
  useEffect(watchDrops, []);
  const submit = (event: Event) => {
    event.preventDefault();
    void start();
  };
  return (
    <form class="card composer" aria-labelledby="title" noValidate onSubmit={submit}>
      <div class="lede">
        <h1 id="title">{t("composer.title")}</h1>
        <p>{t("composer.lede")}</p>
      </div>
      {target.value ? <Stage picked={target.value} /> : <DropZone />}
      {!target.value && <Samples />}
      <People />
      <Options />
      <Consent />
      <StartBar />
    </form>
  );
}
