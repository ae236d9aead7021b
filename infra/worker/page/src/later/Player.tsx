import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { clock } from "../format";
import { MutedIcon, PauseIcon, PlayIcon, SoundIcon } from "./playericons";
import { sayVideo } from "./videowords";

const EVENTS = ["timeupdate", "play", "pause", "volumechange", "loadedmetadata", "seeked"];

/** The control of a video: play, place, sound. */
export function Player({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const { paused, muted, time, duration } = useVideo(video);
  const toggle = () => (paused ? video.current?.play().catch(() => {}) : video.current?.pause());
  const seek = (to: number) => {
    if (video.current) video.current.currentTime = to;
  };
  const mute = () => {
    if (video.current) video.current.muted = !muted;
  };
  const place = `${clock(time)} / ${clock(duration)}`;
  return (
    <div class="player">
      <button class="plain" type="button" aria-label={sayVideo(paused ? "play" : "pause")} onClick={toggle}>
        {paused ? <PlayIcon /> : <PauseIcon />}
      </button>
      <input
        type="range"
        min={0}
        max={duration}
        step={0.05}
        value={time}
        aria-label={sayVideo("place")}
        aria-valuetext={place}
        onInput={(event) => seek(event.currentTarget.valueAsNumber)}
      />
      <span class="small soft" aria-hidden="true">
        {place}
      </span>
      <button class="plain" type="button" aria-label={sayVideo(muted ? "unmute" : "mute")} onClick={mute}>
        {muted ? <MutedIcon /> : <SoundIcon />}
      </button>
    </div>
  );
}

interface Playing {
  paused: boolean;
  muted: boolean;
  /** In seconds. */
  time: number;
  duration: number;
}

function useVideo(video: RefObject<HTMLVideoElement | null>): Playing {
  const [playing, setPlaying] = useState<Playing>({ paused: true, muted: false, time: 0, duration: 0 });
  useEffect(() => {
    const { current } = video;
    if (!current) return;
    const read = () => {
      const { paused, muted, currentTime, duration } = current;
      setPlaying({ paused, muted, time: currentTime, duration: Number.isFinite(duration) ? duration : 0 });
    };
    read();
    for (const name of EVENTS) current.addEventListener(name, read);
    return () => {
      for (const name of EVENTS) current.removeEventListener(name, read);
    };
  }, [video]);
  return playing;
}
