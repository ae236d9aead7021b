/** At this place browsers show a picture before the video is played; at none some show nothing. */
export const FIRST_FRAME = "#t=0.001";
const EDGE = 1600;
const QUALITY = 0.85;

/**
 * An address to show a file from: a smaller copy of a large picture, else the file itself.
 *
 * Null for a picture that this browser cannot read, such as HEIC in most. Whoever asked revokes the address.
 */
export async function makePreview(file: Blob, kind: "picture" | "video"): Promise<string | null> {
  if (kind === "video") return URL.createObjectURL(file);
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  const scale = EDGE / Math.max(bitmap.width, bitmap.height);
  // A copy of an animation would stand still.
  const small = scale < 1 && file.type !== "image/gif" ? await smaller(bitmap, scale) : file;
  bitmap.close();
  return URL.createObjectURL(small);
}

/** A JPEG of at most `edge` pixels as a `data:` URL, of a picture that can be shown; null if it cannot. */
export async function makeThumb(address: string, edge: number): Promise<string | null> {
  const image = new Image();
  image.src = address;
  const shown = await image.decode().then(
    () => true,
    () => false,
  );
  if (!shown) return null;
  const scale = Math.min(1, edge / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", QUALITY);
}

async function smaller(bitmap: ImageBitmap, scale: number): Promise<Blob> {
  const resizeWidth = Math.max(1, Math.round(bitmap.width * scale));
  const resizeHeight = Math.max(1, Math.round(bitmap.height * scale));
  const copy = await createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
  const canvas = document.createElement("canvas");
  canvas.width = copy.width;
  canvas.height = copy.height;
  canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(copy);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no copy"))), "image/jpeg", QUALITY);
  });
}
