import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      {children}
    </svg>
  );
}

export const PlayIcon = () => (
  <Icon>
    <path d="M8 5.500v13l10-6.500z" />
  </Icon>
);

export const PauseIcon = () => (
  <Icon>
    <path d="M9 6v12M15 6v12" />
  </Icon>
);

export const SoundIcon = () => (
  <Icon>
    <path d="M5 9.500v5h3.500L13 18V6L8.500 9.500zM16.500 9a4.200 4.200 0 0 1 0 6" />
  </Icon>
);

export const MutedIcon = () => (
  <Icon>
    <path d="M5 9.500v5h3.500L13 18V6L8.500 9.500zM16.500 10l4 4M20.500 10l-4 4" />
  </Icon>
);
