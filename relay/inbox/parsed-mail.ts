// What a mail is when it has been read: the shapes that parsing gives to the list, the views and the checks.

export interface Mailbox {
  /** Decoded; '' when there is none. */
  readonly name: string;
  readonly address: string;
}

export interface Checksums {
  /** Lower-case hexadecimal. */
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
}

export interface HeaderField {
  /** As written. */
  readonly name: string;
  /** Unfolded, as written otherwise. */
  readonly raw: string;
  /** Unfolded, with encoded words (RFC 2047) decoded. */
  readonly value: string;
}

/** A leaf that is shown beside the text. */
export interface MailPart {
  /** `1`, `2.1`: the place in the tree, counted from 1 at each level (as IMAP does, RFC 3501 6.4.5). */
  readonly partId: string;
  /** Never '': one is made from the type when the mail gives none. */
  readonly fileName: string;
  /** Without parameters, lower case. */
  readonly contentType: string;
  /** Without the angle brackets; ''. */
  readonly contentId: string;
  readonly disposition: 'inline' | 'attachment';
  /** Bytes when decoded. */
  readonly size: number;
  readonly checksums: Checksums;
}

/** The MIME tree as it is, for those who want to see it. */
export interface MimeNode {
  readonly partId: string;
  readonly contentType: string;
  /** As written, with parameters. */
  readonly contentTypeHeader: string;
  readonly encoding: string;
  readonly disposition: string;
  readonly fileName: string;
  readonly contentId: string;
  /** Bytes of the body as they stand in the mail. */
  readonly size: number;
  readonly children: readonly MimeNode[];
}

export interface ParsedMail {
  readonly headers: readonly HeaderField[];
  readonly messageId: string;
  readonly from: Mailbox | null;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly bcc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  readonly returnPath: string;
  readonly subject: string;
  /** The Date field in milliseconds; null when there is none that can be read. */
  readonly date: number | null;
  readonly text: string;
  readonly html: string;
  /** Parts that the HTML shows or that say `inline`, and the others. */
  readonly inline: readonly MailPart[];
  readonly attachments: readonly MailPart[];
  readonly tree: MimeNode;
  /** What X-Tags asks for. */
  readonly tags: readonly string[];
}
