import { render } from "preact";
import { App } from "./app";
import { watchHealth } from "./health";
import { beginLanguage, markDocument } from "./i18n";
import { watchConnection } from "./online";

const root = document.getElementById("page");
if (root) {
  watchConnection();
  void watchHealth();
  await beginLanguage();
  markDocument();
  root.replaceChildren();
  render(<App />, root);
}
