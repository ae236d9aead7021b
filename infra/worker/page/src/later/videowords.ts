import en from "../../i18n/later/video.en.json";
import zh from "../../i18n/later/video.zh.json";
import { speaker } from "./words";

/** What belongs to a video: what of it is wanted, its result, and what plays it. */
export const sayVideo = speaker({ en, "zh-CN": zh });
