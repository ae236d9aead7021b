import en from "../../i18n/later/video.en.json";
import zh from "../../i18n/later/video.zh.json";
import { speaker } from "./words";

/** What belongs to the result of a video, and plays it. */
export const sayVideo = speaker({ en, "zh-CN": zh });
