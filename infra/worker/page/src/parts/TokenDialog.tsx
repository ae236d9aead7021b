import { useSignal } from "@preact/signals";
import { ApiError, call, sentence } from "../api";
import { t } from "../i18n";
import { session, tokenRefused, tokenTaken } from "../session";
import { Dialog } from "./Dialog";

/** Asks for the service's token when it wants one. */
export function TokenDialog() {
  const token = useSignal("");
  const problem = useSignal<string | null>(null);
  const give = async (event: Event) => {
    event.preventDefault();
    problem.value = null;
    try {
      await call("/api/session", { method: "POST", json: { token: token.value } });
      token.value = "";
      tokenTaken();
    } catch (error) {
      const wrong = error instanceof ApiError && error.status === 401;
      problem.value = wrong ? t("common.token.wrong") : sentence(error);
    }
  };
  return (
    <Dialog title={t("common.token.title")} open={session.value === "asking"} onClose={tokenRefused}>
      <form class="token" onSubmit={give}>
        <p>{t("common.token.help")}</p>
        <label for="token">{t("common.token.label")}</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          required
          value={token.value}
          aria-invalid={problem.value !== null}
          aria-describedby="token-problem"
          onInput={(event) => (token.value = event.currentTarget.value)}
        />
        <p id="token-problem" class="lacks" role="alert">
          {problem.value}
        </p>
        <button class="btn" type="submit">
          {t("common.token.go")}
        </button>
      </form>
    </Dialog>
  );
}
