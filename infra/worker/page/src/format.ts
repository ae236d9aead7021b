import { language, t } from "./i18n";

/** A number of bytes in the unit that people would name, such as `1.4 MB`. */
export function bytes(count: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  const digits = step < 2 || count / 1000 ** step >= 100 ? 0 : 1;
  return number(count / 1000 ** step, {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: digits,
  });
}

/** A number as the page's language writes it. */
export function number(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(language.value, options).format(value);
}

/** A part of a hundred, without decimals: `percent(61.4)` is `61%`. */
export function percent(value: number): string {
  return number(value / 100, { style: "percent", maximumFractionDigits: 0 });
}

/** A place in a video, in seconds: `0:03`, `1:02:09`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** How long something takes, in seconds, as one rounded unit: `0.7 sec`, `40 sec`, `3 min`, `2 hr`. */
export function duration(seconds: number): string {
  const [value, unit] =
    seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  const maximumFractionDigits = unit === "second" && seconds < 10 ? 1 : 0;
  return number(value as number, {
    style: "unit",
    unit: unit as string,
    unitDisplay: "short",
    maximumFractionDigits,
  });
}

/** A moment (an ISO time, or milliseconds): the time of today, with the day when it was another. */
export function moment(at: string | number): string {
  const when = new Date(at);
  const today = when.toDateString() === new Date().toDateString();
  const day: Intl.DateTimeFormatOptions = today ? {} : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(language.value, { ...day, hour: "numeric", minute: "2-digit" }).format(when);
}

/** How long files are kept, in days; one day is said in hours. */
export function days(count: number): string {
  return count === 1 ? t("common.hours", { count: 24 }) : t("common.days", { count });
}
