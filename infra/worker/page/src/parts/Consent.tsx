import { useSignal } from "@preact/signals";
import { consent, setConsent } from "../consent";
import { consentNeeded } from "../health";
import { t } from "../i18n";
import { told } from "../start";
import { WhyDialog } from "./WhyDialog";

/** The one tick: those shown have agreed. */
export function Consent() {
  const why = useSignal(false);
  if (!consentNeeded.value) return null;
  const lacks = told.value?.focus === "consent";
  return (
    <section class="step consent" aria-label={t("composer.consent.title")}>
      <label class="tick">
        <input
          id="consent"
          type="checkbox"
          checked={consent.value}
          aria-invalid={lacks}
          aria-describedby={lacks ? "lacks" : undefined}
          onChange={(event) => setConsent(event.currentTarget.checked)}
        />
        <span>{t("composer.consent.text")}</span>
      </label>
      <button class="link" type="button" onClick={() => (why.value = true)}>
        {t("common.footer.why")}
      </button>
      <WhyDialog open={why.value} onClose={() => (why.value = false)} />
    </section>
  );
}
