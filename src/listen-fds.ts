// Which listening sockets this process was started with (systemd socket activation, sd_listen_fds(3)).
// Reading the variables is all there is to it: no library, and the environment is handed in.

export interface InheritedFd {
  fd: number;
  /** FileDescriptorName= of the socket unit; systemd itself says `unknown` where it has no name. */
  name: string;
}

/** The part of the environment that matters here. */
export interface ListenVariables {
  readonly LISTEN_PID?: string | undefined;
  readonly LISTEN_FDS?: string | undefined;
  readonly LISTEN_FDNAMES?: string | undefined;
}

/** SD_LISTEN_FDS_START: behind the standard streams. */
const FIRST_FD = 3;
/** Far above what anybody hands over; a nonsense count must not fill the memory. */
const MAX_FDS = 1024;

/** The sockets meant for the process `pid`; none if the variables are absent, malformed or meant for somebody else. */
export function inheritedFds(env: ListenVariables = process.env, pid: number = process.pid): InheritedFd[] {
  // The variables pass on to children and grandchildren; LISTEN_PID says for whom they were set.
  if (env.LISTEN_PID !== String(pid)) return [];
  const count = env.LISTEN_FDS ?? '';
  if (!/^[1-9][0-9]{0,3}$/.test(count) || Number(count) > MAX_FDS) return [];
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  return Array.from({ length: Number(count) }, (_, i) => ({ fd: FIRST_FD + i, name: names[i] || 'unknown' }));
}
