// The names of the profiles, for options: whoever only reads a command line does not load them.
export const PROFILE_NAMES = [
  'smtp',
  'lmtp',
  'imap',
  'pop3',
  'nntp',
  'ftp',
  'irc',
  'http',
  'resp',
  'memcached',
  'managesieve',
  'telnet',
  'line',
  'raw',
] as const;

export type ProfileName = (typeof PROFILE_NAMES)[number];
