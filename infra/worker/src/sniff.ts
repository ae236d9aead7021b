/** What an upload is, by its first bytes and never by its name. */
export interface Media {
  /** Media type that is stored with the object. */
  type: string;
  /** Extension of its key, without the dot. */
  extension: string;
  kind: "picture" | "video";
}

/** How many first bytes `sniff` looks at; more never changes its answer. */
export const SNIFF_BYTES = 400;

/** All but transport streams are told by so many: what stands further on may be anything. */
const HEADER_BYTES = 64;

const picture = (type: string, extension: string): Media => ({ type, extension, kind: "picture" });
const video = (type: string, extension: string): Media => ({ type, extension, kind: "video" });

const JPEG = picture("image/jpeg", "jpg");
const PNG = picture("image/png", "png");
const WEBP = picture("image/webp", "webp");
const GIF = picture("image/gif", "gif");
const BMP = picture("image/bmp", "bmp");
const TIFF = picture("image/tiff", "tiff");
const AVIF = picture("image/avif", "avif");
const HEIC = picture("image/heic", "heic");
const MP4 = video("video/mp4", "mp4");
const MOV = video("video/quicktime", "mov");
const WEBM = video("video/webm", "webm");
const MKV = video("video/x-matroska", "mkv");
const AVI = video("video/x-msvideo", "avi");
const MOBILE = video("video/3gpp", "3gp");
const FLV = video("video/x-flv", "flv");
const WMV = video("video/x-ms-wmv", "wmv");
const MPEG = video("video/mpeg", "mpg");
const TRANSPORT = video("video/mp2t", "ts");

const PICTURES = [JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIC];
const VIDEOS = [MP4, MOV, WEBM, MKV, AVI, MOBILE, FLV, WMV, MPEG, TRANSPORT];
const MEDIA = [...PICTURES, ...VIDEOS];

/** Each character of a prefix stands for one byte. Camera raw files are TIFFs by their first four bytes. */
const PREFIXES: readonly (readonly [string, Media | null])[] = [
  ["\xff\xd8\xff", JPEG],
  ["\x89PNG\r\n\x1a\n", PNG],
  ["GIF87a", GIF],
  ["GIF89a", GIF],
  ["II*\0\x10\0\0\0CR", null],
  ["II*\0", TIFF],
  ["MM\0*", TIFF],
  ["II+\0\x08\0\0\0", TIFF],
  ["MM\0+\0\x08\0\0", TIFF],
  ["FLV\x01", FLV],
  ["\x30\x26\xb2\x75\x8e\x66\xcf\x11", WMV],
  ["\0\0\x01\xba", MPEG],
  ["\0\0\x01\xb3", MPEG],
];

/** Brands of ISO base media (ISO/IEC 14496-12, 23008-12); any other brand is an MP4. */
const BRANDS: Record<string, Media | null> = {
  avif: AVIF,
  avis: AVIF,
  heic: HEIC,
  heix: HEIC,
  heim: HEIC,
  heis: HEIC,
  hevc: HEIC,
  hevx: HEIC,
  "qt  ": MOV,
  "3gp4": MOBILE,
  "3gp5": MOBILE,
  "3gp6": MOBILE,
  "3gp7": MOBILE,
  "3g2a": MOBILE,
  "3g2b": MOBILE,
  "3g2c": MOBILE,
  "crx ": null,
  "jxl ": null,
  "M4A ": null,
  "M4B ": null,
};
const PICTURE_CONTAINERS = ["mif1", "mif2", "msf1", "miaf"];
/** QuickTime files older than the `ftyp` box start with one of these. */
const OLD_QUICKTIME = ["moov", "mdat", "wide", "free", "skip", "pnot"];
const SPELLINGS: Record<string, string> = {
  jpeg: "jpg",
  heif: "heic",
  tif: "tiff",
  m4v: "mp4",
  qt: "mov",
  "3g2": "3gp",
  asf: "wmv",
  mpeg: "mpg",
  m2ts: "ts",
  mts: "ts",
};
/** Bytes of a packet of an MPEG transport stream (ISO/IEC 13818-1), each of which begins with a G. */
const TS_PACKET = 188;
/** Bytes before each packet of a transport stream as cameras and discs write it (M2TS). */
const TS_STAMP = 4;
const BMP_HEADER_SIZES = [12, 40, 52, 56, 64, 108, 124];

/** Tell what a file is from its first `SNIFF_BYTES` bytes; null for whatever this service does not take. */
export function sniff(bytes: Uint8Array): Media | null {
  const beginning = String.fromCharCode(...bytes.subarray(0, SNIFF_BYTES));
  const head = beginning.slice(0, HEADER_BYTES);
  const prefix = PREFIXES.find(([start]) => head.startsWith(start));
  if (prefix) return prefix[1];
  if (head.startsWith("RIFF")) return { WEBP, "AVI ": AVI }[head.slice(8, 12)] ?? null;
  if (head.startsWith("\x1a\x45\xdf\xa3")) return head.includes("webm") ? WEBM : MKV;
  if (head.startsWith("BM")) return BMP_HEADER_SIZES.includes(number(head, 14, "little")) ? BMP : null;
  return isoMedia(head) ?? (isTransportStream(beginning) ? TRANSPORT : null);
}

/** What a stored object of this media type is shown as; null for one that this service shows none of. */
export function kindOf(type: string): Media["kind"] | null {
  return MEDIA.find((media) => media.type === type)?.kind ?? null;
}

/**
 * What a file is said to be: by its media type, such as `video/mp4`, or where that says nothing (browsers know
 * none for HEIC and MKV) by its name. Null for whatever this service does not take.
 */
export function claimed(type: string, name: string): Media | null {
  const plain = type.split(";", 1)[0]?.trim().toLowerCase();
  const extension = name.split(".").at(-1)?.toLowerCase() ?? "";
  return (
    MEDIA.find((media) => media.type === plain) ??
    MEDIA.find((media) => media.extension === (SPELLINGS[extension] ?? extension)) ??
    null
  );
}

function isoMedia(head: string): Media | null {
  const box = head.slice(4, 8);
  if (box !== "ftyp") return OLD_QUICKTIME.includes(box) ? MOV : null;
  if (head.length < 16) return null;
  const major = head.slice(8, 12);
  const known = BRANDS[major];
  if (known !== undefined) return known;
  const end = Math.min(head.length, number(head, 0, "big"));
  const compatible = new Set<Media | null | undefined>();
  for (let at = 16; at < end; at += 4) compatible.add(BRANDS[head.slice(at, at + 4)]);
  for (const media of [AVIF, HEIC]) if (compatible.has(media)) return media;
  return PICTURE_CONTAINERS.includes(major) ? HEIC : MP4;
}

/** Whether three packets follow one another, without or with a time stamp before each. */
function isTransportStream(beginning: string): boolean {
  const syncs = (first: number, step: number) => [0, 1, 2].map((packet) => beginning[first + packet * step]);
  return [syncs(0, TS_PACKET), syncs(TS_STAMP, TS_STAMP + TS_PACKET)].some((sync) =>
    sync.every((byte) => byte === "G"),
  );
}

/** The 32 bits at `at`, unsigned. */
function number(head: string, at: number, order: "big" | "little"): number {
  const bytes = [0, 1, 2, 3].map((index) => head.charCodeAt(at + index));
  if (order === "little") bytes.reverse();
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}
