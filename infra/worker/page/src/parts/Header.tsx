import { LANGUAGES, language, setLanguage, t } from "../i18n";
import { runningCount } from "../jobs";
import { CheckButton } from "./CheckButton";

/** The name, how much is running, and the other language. */
export function Header() {
  const other = language.value === "en" ? "zh-CN" : "en";
  return (
    <header class="top">
      <a class="brand" href="/">
        <img src="/icon.svg" alt="" width="30" height="30" />
        swapdrop
      </a>
      <nav aria-label={t("common.header.site")}>
        {runningCount.value > 0 && (
          <a class="plain jump" href="#jobs">
            <span class="dot pulse" />
            {t("common.header.running", { count: runningCount.value })}
          </a>
        )}
        <CheckButton />
        <button class="plain" type="button" lang={other} onClick={() => setLanguage(other)}>
          {LANGUAGES[other].name}
        </button>
      </nav>
    </header>
  );
}
