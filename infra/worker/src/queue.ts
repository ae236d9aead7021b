import * as keys from "./keys";

const LOOK_EVERY_MS = 5_000;

/** Where jobs stand in line, from a look at the first thousand keys of the inbox every five seconds at most. */
export class Queue {
  private waiting: string[] | undefined;
  private lookAgainAt = 0;

  /** About how many jobs wait before this one; undefined while another request takes the first look. */
  async ahead(bucket: R2Bucket, jobId: string): Promise<number | undefined> {
    const now = Date.now();
    if (now >= this.lookAgainAt) {
      // Set before the look, so that requests in the meantime take none of their own.
      this.lookAgainAt = now + LOOK_EVERY_MS;
      const { objects } = await bucket.list({ prefix: keys.INBOX });
      this.waiting = [...new Set(objects.map((object) => entryOf(object.key)))];
    }
    const own = keys.manifest(jobId);
    return this.waiting?.filter((entry) => entry < own).length;
  }
}

/** What stands for a job: its manifest, or the folder that all its files lie in. */
function entryOf(key: string): string {
  const end = key.indexOf("/", keys.INBOX.length);
  return end < 0 ? key : key.slice(0, end + 1);
}
