import { expect, test } from "vitest";
import { claimed, kindOf, sniff } from "../src/sniff";
import media from "./contract/media.json";
import { file } from "./support";

interface Beginning {
  beginning: string;
  /** How many bytes after it it stands once more, and how often in all; else once. */
  every?: number;
  times?: number;
}

function bytesOf({ beginning, every, times = 20 }: Beginning): Uint8Array {
  return file(every ? beginning.padEnd(every, "\0").repeat(times) : beginning);
}

test.each(media.filter(({ type }) => type))("$name is told by its first bytes", (one) => {
  const kind = one.type?.startsWith("image/") ? "picture" : "video";
  expect(sniff(bytesOf(one))).toEqual({ type: one.type, extension: one.extension, kind });
  expect(kindOf(String(one.type))).toBe(kind);
});

test.each(media.filter(({ type }) => !type))("$name is not taken", (one) => {
  expect(sniff(bytesOf(one))).toBeNull();
});

test("a file of few bytes, or none, is not taken", () => {
  for (const text of ["", "\xff", "\xff\xd8", "\0\0\0\x18ftypisom", "RIFF", "BM", "GIF8"]) {
    expect(sniff(file(text, text.length))).toBeNull();
  }
});

test("what a file is said to be is its media type, and its name only where that says nothing", () => {
  expect(claimed("video/mp4; codecs=avc1", "a.png")?.extension).toBe("mp4");
  expect(claimed("IMAGE/JPEG", "a")?.extension).toBe("jpg");
  expect(claimed("", "a.b.MKV")?.type).toBe("video/x-matroska");
  expect(claimed("image/heif", "a.HEIF")?.type).toBe("image/heic");
  expect(claimed("", "jpeg")?.type).toBe("image/jpeg");
  expect(claimed("text/vnd.trolltech.linguist", "holiday.MTS")?.type).toBe("video/mp2t");
  expect(claimed("video/3gpp2", "old.3g2")?.type).toBe("video/3gpp");
  expect(claimed("text/html", "a.html")).toBeNull();
  expect(claimed("", "constructor")).toBeNull();
});
