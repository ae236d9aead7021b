import { expect, test } from "vitest";
import { claimed, sniff } from "../src/sniff";
import { file } from "./support";

const box = (brand: string, ...compatible: string[]) =>
  `\0\0\0${String.fromCharCode(16 + 4 * compatible.length)}ftyp${brand}\0\0\0\0${compatible.join("")}`;
const bmp = (headerSize: number) => `BM\0\0\0\0\0\0\0\0\x36\0\0\0${String.fromCharCode(headerSize)}\0\0\0`;

test.each([
  ["image/jpeg", "jpg", "\xff\xd8\xff\xe0\0\x10JFIF"],
  ["image/png", "png", "\x89PNG\r\n\x1a\n"],
  ["image/webp", "webp", "RIFF\0\0\0\0WEBPVP8 "],
  ["image/gif", "gif", "GIF87a"],
  ["image/gif", "gif", "GIF89a"],
  ["image/bmp", "bmp", bmp(40)],
  ["image/bmp", "bmp", bmp(124)],
  ["image/tiff", "tiff", "II*\0\x08\0\0\0"],
  ["image/tiff", "tiff", "MM\0*\0\0\0\x08"],
  ["image/tiff", "tiff", "II+\0\x08\0\0\0"],
  ["image/tiff", "tiff", "MM\0+\0\x08\0\0"],
  ["image/heic", "heic", box("heic")],
  ["image/heic", "heic", box("mif1", "miaf", "heic")],
  ["image/heic", "heic", box("mif1")],
  ["image/avif", "avif", box("avif")],
  ["image/avif", "avif", box("mif1", "avif")],
  ["video/mp4", "mp4", box("isom", "mp41")],
  ["video/mp4", "mp4", box("M4V ")],
  ["video/quicktime", "mov", box("qt  ")],
  ["video/quicktime", "mov", "\0\0\x10\0moov"],
  [
    "video/webm",
    "webm",
    "\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm",
  ],
  [
    "video/x-matroska",
    "mkv",
    "\x1a\x45\xdf\xa3\xa3B\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x88matroska",
  ],
  ["video/x-msvideo", "avi", "RIFF\0\0\0\0AVI LIST"],
])("%s is told by its first bytes, as .%s", (type, extension, beginning) => {
  const kind = type.split("/")[0] === "image" ? "picture" : "video";
  expect(sniff(file(beginning))).toEqual({ type, extension, kind });
});

test.each([
  ["SVG", '<svg xmlns="http://www.w3.org/2000/svg">'],
  ["SVG after an XML head", '<?xml version="1.0"?><svg>'],
  ["HTML", "<!DOCTYPE html><html>"],
  ["HTML after a blank", "\n <html>"],
  ["ICO", "\0\0\x01\0\x01\0\x10\x10"],
  ["PDF", "%PDF-1.7"],
  ["ZIP", "PK\x03\x04"],
  ["JSON", '{"version": 1}'],
  ["JavaScript", "GIF=1;alert(1)"],
  ["WAV", "RIFF\0\0\0\0WAVEfmt "],
  ["MP3", "ID3\x04"],
  ["M4A", box("M4A ")],
  ["JPEG XL", box("jxl ")],
  ["Canon raw", "II*\0\x10\0\0\0CR\x02\0"],
  ["Canon raw in ISO boxes", box("crx ")],
  ["Photoshop", "8BPS\0\x01"],
  ["a text that begins with BM", "BMW is a car maker, and this no bitmap"],
  ["an ELF program", "\x7fELF"],
])("%s is not taken", (_, beginning) => {
  expect(sniff(file(beginning))).toBeNull();
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
  expect(claimed("text/html", "a.html")).toBeNull();
  expect(claimed("", "constructor")).toBeNull();
});
