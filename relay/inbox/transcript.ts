// The dialogue of a session up to the answer to one mail, as it is kept beside the mail.

export interface TranscriptLine {
  /** `note`: something that is no line: TLS, a pause, a fault that was injected. */
  readonly from: 'client' | 'server' | 'note';
  /** Milliseconds since the connection was opened. */
  readonly ms: number;
  /** Without the CRLF; secrets are masked, control bytes escaped. A message's content is one line that tells its length. */
  readonly text: string;
}
