import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { announce } from "../announce";
import { duration } from "../format";
import { outdated, t } from "../i18n";
import { online, pausedUntil } from "../online";
import { askForToken, session } from "../session";
import { Reload } from "./Outdated";

/** What keeps everything waiting, if anything does: no connection, too many requests, no token; and a language that is gone. */
export function Banner() {
  if (!online.value) return <Bar text={t("common.offline")} />;
  if (session.value === "refused")
    return (
      <Bar text={t("common.locked")}>
        <button class="btn second sm" type="button" onClick={askForToken}>
          {t("common.enter_token")}
        </button>
      </Bar>
    );
  if (pausedUntil.value !== null) return <Countdown until={pausedUntil.value} />;
  return outdated.value ? (
    <Bar text={t("common.outdated")}>
      <Reload />
    </Bar>
  ) : null;
}

function Bar({ text, children }: { text: string; children?: ComponentChildren }) {
  useEffect(() => announce(text), [text]);
  return (
    <div class="banner">
      <p>{text}</p>
      {children}
    </div>
  );
}

/** Counts down without being spoken each second. */
function Countdown({ until }: { until: number }) {
  const now = useSignal(Date.now());
  useSignalEffect(() => {
    const ticking = setInterval(() => {
      now.value = Date.now();
    }, 1000);
    return () => clearInterval(ticking);
  });
  const time = duration(Math.max(1, Math.ceil((until - now.value) / 1000)));
  return (
    <div class="banner">
      <p>{t("common.too_many", { time })}</p>
    </div>
  );
}
