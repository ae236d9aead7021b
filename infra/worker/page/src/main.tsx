import { render } from "preact";
import { App } from "./app";
import { watchHealth } from "./health";
import { markDocument } from "./i18n";
import { watchConnection } from "./online";

const root = document.getElementById("page");
if (root) {
  markDocument();
  watchConnection();
  watchHealth();
  root.replaceChildren();
  render(<App />, root);
}
