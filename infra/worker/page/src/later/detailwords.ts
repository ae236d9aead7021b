import en from "../../i18n/later/details.en.json";
import zh from "../../i18n/later/details.zh.json";
import { speaker } from "./words";

/** What a job's details are called. */
export const say = speaker({ en, "zh-CN": zh });
