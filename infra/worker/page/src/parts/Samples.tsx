import { useSignal } from "@preact/signals";
import { place } from "../draft";
import { focusSoon } from "../focus";
import { t } from "../i18n";

const SAMPLES = ["grace-hopper.jpg", "eileen-collins.jpg"];

/** Two portraits to try it with. */
export function Samples() {
  const problem = useSignal(false);
  const take = async () => {
    const files = await Promise.all(SAMPLES.map(fetchSample)).catch(() => null);
    problem.value = files === null;
    if (files) place(files);
    // What was pressed is gone with the empty page.
    focusSoon("target");
  };
  return (
    <div class="samples">
      <span class="pair" aria-hidden="true">
        {SAMPLES.map((name) => (
          <img key={name} src={`/samples/${name}`} alt="" width="44" height="44" />
        ))}
      </span>
      <p>{problem.value ? t("composer.samples.problem") : t("composer.samples.ready")}</p>
      <button class="btn second sm" type="button" onClick={take}>
        {t("composer.samples.try")}
      </button>
    </div>
  );
}

async function fetchSample(name: string): Promise<File> {
  const response = await fetch(`/samples/${name}`);
  if (!response.ok) throw new Error(name);
  return new File([await response.blob()], name, { type: "image/jpeg" });
}
