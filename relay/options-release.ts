// The sink's options of mail that leaves it after all, under the names that Mailpit's users know: by hand (release), or
// as a copy of what is captured; and the server that takes it, where that is not said by --upstream.
import { ChatError } from '../src/errors.ts';
import type { OptionTable, OptionValues } from '../src/options.ts';
import type { ReleasePolicy } from './release.ts';

const GROUP = 'Release';

export const RELEASE_OPTIONS = {
  'smtp-relay-all': {
    type: 'boolean',
    default: false,
    variables: ['MP_SMTP_RELAY_ALL'],
    describe: 'Relay a copy of all mail that is captured through --upstream',
    group: GROUP,
  },
  'smtp-relay-matching': {
    type: 'string',
    otherwise: 'none',
    variables: ['MP_SMTP_RELAY_MATCHING'],
    describe: 'Relay a copy of mail to recipients that match this regular expression',
    group: GROUP,
  },
  'smtp-relay-allowed-recipients': {
    type: 'string',
    otherwise: 'all',
    variables: ['MP_SMTP_RELAY_ALLOWED_RECIPIENTS'],
    describe: 'Regular expression of the recipients to whom mail may be released',
    group: GROUP,
  },
  'smtp-relay-blocked-recipients': {
    type: 'string',
    otherwise: 'none',
    variables: ['MP_SMTP_RELAY_BLOCKED_RECIPIENTS'],
    describe: 'Regular expression of the recipients to whom mail may not be released',
    group: GROUP,
  },
  'smtp-relay-return-path': {
    type: 'string',
    pattern: { test: /^[^\s<>@]+@[^\s<>@]+$/, says: 'an address such as tests@example.com' },
    otherwise: 'that of the mail',
    variables: ['MP_SMTP_RELAY_RETURN_PATH'],
    describe: 'Envelope sender of mail that is released',
    group: GROUP,
  },
  'smtp-relay-host': {
    type: 'string',
    pattern: { test: /^[A-Za-z\d._:[\]-]{1,253}$/, says: 'a host name or an IP address' },
    otherwise: 'as --upstream says',
    variables: ['MP_SMTP_RELAY_HOST'],
    describe: 'Host of the server that released mail goes to, in the place of --upstream',
    group: GROUP,
  },
  'smtp-relay-port': {
    type: 'integer',
    min: 1,
    max: 65_535,
    default: 25,
    variables: ['MP_SMTP_RELAY_PORT'],
    describe: 'Port of --smtp-relay-host',
    group: GROUP,
  },
  'smtp-relay-starttls': {
    type: 'boolean',
    default: false,
    variables: ['MP_SMTP_RELAY_STARTTLS'],
    describe: 'Insist on STARTTLS with --smtp-relay-host',
    group: GROUP,
  },
  'smtp-relay-tls': {
    type: 'boolean',
    default: false,
    variables: ['MP_SMTP_RELAY_TLS'],
    describe: 'Speak TLS from the first byte with --smtp-relay-host',
    group: GROUP,
  },
  'smtp-relay-allow-insecure': {
    type: 'boolean',
    default: false,
    variables: ['MP_SMTP_RELAY_ALLOW_INSECURE'],
    describe: 'Take any certificate of --smtp-relay-host',
    group: GROUP,
  },
  'smtp-relay-auth': {
    type: 'choice',
    choices: ['none', 'plain', 'login', 'cram-md5'],
    default: 'none',
    variables: ['MP_SMTP_RELAY_AUTH'],
    describe: 'How to log in at --smtp-relay-host',
    group: GROUP,
  },
  'smtp-relay-username': {
    type: 'string',
    otherwise: 'none',
    variables: ['MP_SMTP_RELAY_USERNAME'],
    describe: 'User name at --smtp-relay-host',
    group: GROUP,
  },
  'smtp-relay-password': {
    type: 'secret',
    otherwise: 'none',
    variables: ['MP_SMTP_RELAY_PASSWORD', 'MP_SMTP_RELAY_SECRET'],
    describe: 'Password at --smtp-relay-host',
    group: GROUP,
  },
} as const satisfies OptionTable;

export type ReleaseOptions = OptionValues<typeof RELEASE_OPTIONS>;

/** The upstream that the options of its parts describe; undefined without a host. Throws BAD_OPTION. */
export function upstreamOf(options: ReleaseOptions): URL | undefined {
  const { smtpRelayHost: host, smtpRelayAuth: auth, smtpRelayUsername: user, smtpRelayPassword: pass } = options;
  if (host === undefined) return undefined;
  const isIpv6 = host.includes(':') && !host.startsWith('[');
  const scheme = options.smtpRelayTls ? 'smtps' : 'smtp';
  let url: URL;
  try {
    url = new URL(`${scheme}://${isIpv6 ? `[${host}]` : host}:${options.smtpRelayPort}`);
  } catch (error) {
    throw new ChatError('BAD_OPTION', `smtp-relay-host: ${JSON.stringify(host)} is no host`, {}, error);
  }
  if (auth !== 'none') {
    if (!user || !pass) {
      throw new ChatError('BAD_OPTION', 'smtp-relay-auth needs smtp-relay-username and smtp-relay-password');
    }
    url.username = encodeURIComponent(user);
    url.password = encodeURIComponent(pass);
    url.searchParams.set('auth', auth);
  }
  if (options.smtpRelayStarttls && !options.smtpRelayTls) url.searchParams.set('tls', 'require');
  if (options.smtpRelayAllowInsecure) url.searchParams.set('verify', 'no');
  return url;
}

/** What releasing by hand is to keep to. `upstream` is the name of the first; '' when there is none. Throws BAD_OPTION. */
export function releasePolicy(options: ReleaseOptions, upstream: string): ReleasePolicy {
  return {
    upstream,
    sender: options.smtpRelayReturnPath,
    allowed: options.smtpRelayAllowedRecipients ?? '',
    blocked: options.smtpRelayBlockedRecipients ?? '',
    mayGoTo: mayReleaseTo(options),
  };
}

/** Whether mail may be released to an address. Throws BAD_OPTION for what is no regular expression. */
export function mayReleaseTo(options: Partial<ReleaseOptions>): (recipient: string) => boolean {
  const allowed = expression('smtp-relay-allowed-recipients', options.smtpRelayAllowedRecipients);
  const blocked = expression('smtp-relay-blocked-recipients', options.smtpRelayBlockedRecipients);
  return (recipient) => (allowed?.test(recipient) ?? true) && !blocked?.test(recipient);
}

/** Of which recipients' mail a copy is relayed; null for none. Throws BAD_OPTION. */
export function copiedOf(options: Partial<ReleaseOptions>, hasUpstream: boolean): ((to: string) => boolean) | null {
  const { smtpRelayAll: all, smtpRelayMatching } = options;
  const matching = expression('smtp-relay-matching', smtpRelayMatching);
  const may = mayReleaseTo(options);
  if (!all && matching === null) return null;
  if (!hasUpstream) {
    const name = all ? 'smtp-relay-all' : 'smtp-relay-matching';
    throw new ChatError('BAD_OPTION', `${name} needs an upstream: give --upstream or --smtp-relay-host`);
  }
  return (recipient) => (all || matching!.test(recipient)) && may(recipient);
}

function expression(name: string, source: string | undefined): RegExp | null {
  if (source === undefined) return null;
  try {
    return new RegExp(source, 'i');
  } catch (error) {
    throw new ChatError('BAD_OPTION', `${name}: it is no regular expression: ${(error as Error).message}`, {}, error);
  }
}
