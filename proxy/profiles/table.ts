// The profiles by name.
import { ftp } from './ftp.ts';
import { http } from './http.ts';
import { imap } from './imap.ts';
import { irc } from './irc.ts';
import { line } from './line.ts';
import { managesieve } from './managesieve.ts';
import { memcached } from './memcached.ts';
import type { ProfileName } from './names.ts';
import { nntp } from './nntp.ts';
import { pop3 } from './pop3.ts';
import type { Profile } from './profile.ts';
import { raw } from './raw.ts';
import { resp } from './resp.ts';
import { lmtp, smtp } from './smtp.ts';
import { telnet } from './telnet.ts';

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  smtp,
  lmtp,
  imap,
  pop3,
  nntp,
  ftp,
  irc,
  http,
  resp,
  memcached,
  managesieve,
  telnet,
  line,
  raw,
};
