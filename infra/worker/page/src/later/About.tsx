import en from "../../i18n/later/about.en.json";
import zh from "../../i18n/later/about.zh.json";
import { Kept } from "../parts/Kept";
import { speaker } from "./words";

const say = speaker({ en, "zh-CN": zh });

/** What becomes of the files. */
export function Files() {
  return (
    <>
      <p>{say("files.where")}</p>
      <p>
        <Kept />
      </p>
      <p>{say("files.here")}</p>
      <p>{say("files.mark")}</p>
    </>
  );
}

/** Why people are asked whether those shown have agreed. */
export function Why() {
  return (
    <>
      <p>{say("why.people")}</p>
      <p>{say("why.say")}</p>
      <p>{say("why.kept")}</p>
    </>
  );
}
